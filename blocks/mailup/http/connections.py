"""Connections with one time limit for connecting, sending, headers and body together.

A read time-out limits only one wait. A server that sends single bytes or `100 Continue` forever, or
accepts a request byte by byte, never reaches it, so each wait on a socket is limited to the
remaining time of the exchange.

The query of an address may name a person, and urllib3 logs addresses and quotes them in errors.
Therefore requests and urllib3 get the address without its query; the connection adds it when it
writes the request line.
"""

import http.client
import io
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry

SENT_AT_ONCE = 65_536


class Watch:
    """The current exchange of each thread: its deadline, and the query of its address.

    *seconds* is the time limit of one exchange.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._mine = threading.local()

    def begin(self, query: Mapping[str, str]) -> None:
        """Begin an exchange of this thread; *query* is added to its address."""
        self._mine.end = self._clock() + self._seconds
        self._mine.query = f"?{urlencode(query)}" if query else ""

    @property
    def query(self) -> str:
        """The encoded query with its question mark, or ""."""
        return str(self._mine.query)

    def left(self) -> float:
        """Remaining seconds; TimeoutError if there are none."""
        seconds = float(self._mine.end - self._clock())
        if seconds <= 0:
            raise TimeoutError("the exchange took too long")
        return seconds


class _TimedReader(io.RawIOBase):
    """Reads from a socket; each wait is limited to the remaining time of the exchange."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, watch: Watch) -> None:
        self._raw = raw
        self._sock = sock
        self._silence = sock.gettimeout()
        self._watch = watch

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._watch.left()
        self._sock.settimeout(left if self._silence is None else min(self._silence, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def pools(watch: Watch, silence: float) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools by scheme, limited by *watch*; *silence* limits each wait in sending."""

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
            super().__init__(sock, *args, **options)
            raw: Any = self.fp.detach()
            self.fp = io.BufferedReader(_TimedReader(raw, sock, watch))

        def begin(self) -> None:
            super().begin()
            # urllib3 would log invalid header lines as a warning.
            self.msg.defects.clear()
            self.msg.set_payload("")

    class Timed(HTTPConnection):
        response_class = Response

        def _new_conn(self) -> socket.socket:
            longest = self.timeout if isinstance(self.timeout, int | float) else watch.left()
            self.timeout = min(longest, watch.left())
            return super()._new_conn()

        def putrequest(self, method: str, url: str, *args: Any, **options: Any) -> None:
            super().putrequest(method, url + watch.query, *args, **options)

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            for part in _parts(data):
                self.sock.settimeout(min(silence, watch.left()))
                super().send(part)

    class TimedTls(Timed, HTTPSConnection):
        pass

    class Plain(HTTPConnectionPool):
        ConnectionCls = Timed

    class Tls(HTTPSConnectionPool):
        ConnectionCls = TimedTls

    return {"http": Plain, "https": Tls}


def _parts(data: Any) -> list[Any]:
    """A body in parts, so that the time limit is checked between them."""
    if not isinstance(data, bytes):
        return [data]
    return [data[at : at + SENT_AT_ONCE] for at in range(0, len(data), SENT_AT_ONCE)]


class TimedAdapter(HTTPAdapter):
    """Sends through connections limited by *watch*, directly and through a proxy."""

    def __init__(self, watch: Watch, silence: float, retries: Retry) -> None:
        self._pools = pools(watch, silence)
        super().__init__(max_retries=retries)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager
