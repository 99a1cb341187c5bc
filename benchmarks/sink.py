"""MailUp without MailUp: takes imports at once, counts them, and throttles nobody.

`python -m benchmarks.sink PORTFILE` serves until it is ended and writes its port to PORTFILE. What
it was sent is told by GET /counted as {"calls", "imports", "rows", "bytes"}, set to 0 by POST
/forget. Rows are counted by the key that each of them has once. It keeps nothing, so it measures
those who send, not itself; what MailUp's rules make of the rows is the emulator's business.
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
    """What has arrived since the last POST /forget; `imports` holds the rows of each import."""

    def __init__(self) -> None:
        self.calls, self.bytes = 0, 0
        self.imports: list[int] = []

    def forget(self) -> None:
        """Begin to count anew."""
        self.calls, self.bytes, self.imports = 0, 0, []

    def told(self) -> dict[str, int]:
        rows = sum(self.imports)
        return {"calls": self.calls, "imports": len(self.imports), "rows": rows,
                "bytes": self.bytes}  # fmt: skip


COUNTED = Counted()


Answer = Callable[[str, str, bytes], Any]
"""From method, target and body to a JSON value, or to the bytes of one."""


class Handler(socketserver.StreamRequestHandler):
    """HTTP/1.1 with kept connections: just enough, and nothing that costs time."""

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
    """What a resource says, as a JSON value."""
    path = target.partition("?")[0]
    if path == "/counted":
        return COUNTED.told()
    if path == "/forget":
        COUNTED.forget()
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


def serve(told: Path, answer: Answer) -> None:
    """Answer until the process is ended; the port is written to a file once it can be reached."""
    with Server(answer) as server:
        part = told.with_suffix(".part")
        part.write_text(str(server.server_address[1]), encoding="ascii")
        part.rename(told)
        server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), answer)
