"""A MailUp of a few lines for tests: what it answers is written by hand, from the documentation."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from blocks.mailup.client import MailUpClient
from blocks.mailup.http.settings import MailUpSettings

Query = dict[str, str]
Answer = Callable[[Query], tuple[int, Any]]
Items = list[dict[str, Any]]


def envelope(items: Items, *, size: int, number: int = 0, total: int) -> dict[str, Any]:
    """MailUp's envelope around one page."""
    return {
        "IsPaginated": total > size,
        "Items": items,
        "PageNumber": number,
        "PageSize": size,
        "Skipped": number * size,
        "TotalElementsCount": total,
    }


def paged(items: Items, *, slow_above: int = 10**9) -> Answer:
    """A resource with pages of 20 unless asked; pages larger than *slow_above* take too long."""

    def answer(query: Query) -> tuple[int, Any]:
        number, size = int(query.get("pagenumber", 0)), int(query.get("pagesize", 20))
        if size > slow_above:
            time.sleep(1.0)
        found = items[number * size : (number + 1) * size]
        return 200, envelope(found, size=size, number=number, total=len(items))

    return answer


def plain(value: Any, status: int = 200) -> Answer:
    """The same answer to every call."""
    return lambda _: (status, value)


@dataclass
class ByHand:
    """The server: what it answers by path, what it was asked, and how fast its clock is."""

    url: str
    resources: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, Query]] = field(default_factory=list)
    ahead_seconds: float = 0.0

    def client(self, **options: Any) -> MailUpClient:
        """A client of this server that waits for nothing."""
        known: dict[str, Any] = {
            "client_id": "id",
            "client_secret": "not-a-secret",
            "username": "m1",
            "password": "not-a-password",
            "console_url": f"{self.url}/console",
            "statistics_url": f"{self.url}/statistics",
            "token_url": f"{self.url}/token",
        }
        settings = MailUpSettings(**known | options)
        return MailUpClient(settings, pace=lambda: None, sleep=lambda _: None)

    def paths(self) -> list[str]:
        """The paths asked for, in order."""
        return [path for path, _ in self.asked]


def _handler(server: Callable[[], ByHand]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Header and body in one packet: two of them wait 40 ms for an acknowledgement.
        wbufsize = -1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {key.lower(): value for key, value in parse_qsl(parts.query)}
            server().asked.append((parts.path, query))
            answer = server().resources.get(parts.path, plain({"ErrorDescription": "none"}, 404))
            self._send(*answer(query))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            path = urlsplit(self.path).path
            if answer := server().resources.get(path):
                server().asked.append((path, {}))
                self._send(*answer({}))
            else:
                self._send(200, {"access_token": "a", "expires_in": 3600, "refresh_token": "r"})

        def _send(self, status: int, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            now = time.time() if timestamp is None else timestamp
            return super().date_time_string(int(now + server().ahead_seconds))

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    """Each call in a thread; one whose caller gave up waiting is no news."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def by_hand() -> Iterator[ByHand]:
    """Start the server on a free port of this machine, and stop it."""
    server = _Server(("127.0.0.1", 0), _handler(lambda: served))
    served = ByHand(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
