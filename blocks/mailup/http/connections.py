"""Connections that end: one limit of time over connecting, sending, headers and body together.

A read time-out bounds one silence only. A server that drips bytes, sends `100 Continue` for ever or
takes a request byte by byte is never silent, so each wait on a socket is cut to what is left of the
exchange.

The query of an address may name a person, and urllib3 writes addresses into its log and its errors.
So requests and urllib3 are given the address without its query: the connection adds it, where it
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
    """The exchange that a thread is in: when it ends, and the query of its address.

    *seconds* is what one exchange may take.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._mine = threading.local()

    def begin(self, query: Mapping[str, str]) -> None:
        """The exchange of this thread begins now; *query* is added to its address."""
        self._mine.end = self._clock() + self._seconds
        self._mine.query = f"?{urlencode(query)}" if query else ""

    @property
    def query(self) -> str:
        """The encoded query with its question mark; "" for none."""
        return str(self._mine.query)

    def left(self) -> float:
        """Seconds left; TimeoutError where there are none."""
        seconds = float(self._mine.end - self._clock())
        if seconds <= 0:
            raise TimeoutError("the exchange took too long")
        return seconds


class _TimedReader(io.RawIOBase):
    """Reads from a socket, each time for no longer than the exchange may last."""

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
    """Pools by scheme whose connections keep to *watch*. *silence* bounds each wait in sending."""

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
            super().__init__(sock, *args, **options)
            raw: Any = self.fp.detach()
            self.fp = io.BufferedReader(_TimedReader(raw, sock, watch))

        def begin(self) -> None:
            super().begin()
            # urllib3 would write lines that are no headers into its log, as a warning.
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
    """A body in parts, so that none of them can take for ever."""
    if not isinstance(data, bytes):
        return [data]
    return [data[at : at + SENT_AT_ONCE] for at in range(0, len(data), SENT_AT_ONCE)]


class TimedAdapter(HTTPAdapter):
    """Sends through connections that keep to *watch*, directly and through a proxy."""

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
