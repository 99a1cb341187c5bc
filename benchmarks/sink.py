"""A server in place of MailUp that accepts and counts imports, without a rate limit.

`python -m benchmarks.sink PORTFILE` serves until it is stopped, and writes its port to PORTFILE.
GET /counted returns {"calls", "imports", "rows", "bytes"}; POST /reset sets them to 0. Rows are
counted by a key that occurs once in each. It stores nothing and applies none of MailUp's rules, so
that its own cost is negligible.
"""

import json
import re
import socketserver
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIST_ID = 1
ROW_MARK = b'"Fields":'
_IMPORT = re.compile(r"/Console/(?:Sms/)?(?:List|Group)/\d+/Recipients$")
_STATUS = re.compile(r"/Console/Imports?/(\d+)$")
_FIELDS = [{"Id": number, "Description": f"campo {number}"} for number in range(1, 11)]


class Counted:
    """Counts since the last POST /reset; `imports` has the rows of each import."""

    def __init__(self) -> None:
        self.calls, self.bytes = 0, 0
        self.imports: list[int] = []

    def reset(self) -> None:
        """Set the counts to 0."""
        self.calls, self.bytes, self.imports = 0, 0, []

    def counts(self) -> dict[str, int]:
        rows = sum(self.imports)
        return {"calls": self.calls, "imports": len(self.imports), "rows": rows,
                "bytes": self.bytes}  # fmt: skip


COUNTED = Counted()


Answer = Callable[[str, str, bytes], Any]
"""From method, target and body to a JSON value, or to the bytes of one."""


class Handler(socketserver.StreamRequestHandler):
    """Minimal HTTP/1.1 with persistent connections, for speed."""

    server: "Server"
    disable_nagle_algorithm = True
    rbufsize = 1 << 20

    def handle(self) -> None:
        while request := self.rfile.readline():
            method, target, _ = request.decode("ascii").split(" ", 2)
            length = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line[15:])
            body = self.rfile.read(length) if length else b""
            self._answer(self.server.answer(method, target, body))

    def _answer(self, value: Any) -> None:
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + text)


def answer(method: str, target: str, body: bytes) -> Any:
    """The answer of a resource, as a JSON value."""
    path = target.partition("?")[0]
    if path == "/counted":
        return COUNTED.counts()
    if path == "/reset":
        COUNTED.reset()
        return {}
    COUNTED.calls += 1
    if method == "POST" and _IMPORT.search(path):
        COUNTED.imports.append(body.count(ROW_MARK))
        COUNTED.bytes += len(body)
        return len(COUNTED.imports)
    if found := _STATUS.search(path):
        return _status(int(found.group(1)))
    if path.endswith("/Token"):
        return {"access_token": "sink", "expires_in": 3600, "refresh_token": "sink"}
    return _items(path)


def _status(number: int) -> dict[str, Any]:
    rows = COUNTED.imports[number - 1]
    return {
        "idImport": number, "Completed": True, "CreatedRecipients": rows,
        "ImportedRecipients": rows, "NotValidRecipients": 0, "UpdatedRecipients": 0,
        "ValidRecipients": rows,
    }  # fmt: skip


def _items(path: str) -> list[dict[str, Any]]:
    if path.endswith("/DynamicFields"):
        return _FIELDS
    return [{"IdList": LIST_ID, "Name": "sink"}] if path.endswith("/Console/List") else []


class Server(socketserver.ThreadingTCPServer):
    """On a free port of the loopback address."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(("127.0.0.1", 0), Handler)


def serve(port_file: Path, answer: Answer) -> None:
    """Serve until the process is stopped; write the port to a file once it accepts connections."""
    with Server(answer) as server:
        part = port_file.with_suffix(".part")
        part.write_text(str(server.server_address[1]), encoding="ascii")
        part.rename(port_file)
        server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), answer)
