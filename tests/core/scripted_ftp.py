"""An FTP server on loopback that says whatever a test wants, and a client of it."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from blocks.transport.ftp.adapter import FtpTransport
from blocks.transport.ftp.session import FtpSettings
from blocks.transport.timeouts import Timeouts

Saying = bytes | Callable[[], Iterator[bytes]]

USUAL: dict[str, Saying] = {
    "": b"220 hello\r\n",
    "USER": b"331 password\r\n",
    "PASS": b"230 in\r\n",
    "FEAT": b"211-have\r\n SIZE\r\n MDTM\r\n REST STREAM\r\n MLST type*;\r\n211 end\r\n",
    "TYPE": b"200 ok\r\n",
    "PWD": b'257 "/"\r\n',
    "CWD": b"250 ok\r\n",
    "SIZE": b"213 3\r\n",
    "MDTM": b"213 20240102030405\r\n",
    "QUIT": b"221 bye\r\n",
}
"""What is said to each command, the greeting under no name."""
TRANSFERS = ("MLSD", "LIST", "RETR")


class ScriptedFtp:
    """A server for one connection; `data` is what a listing or a file brings."""

    def __init__(self, says: Mapping[str, Saying], data: Saying) -> None:
        self._says, self._data = {**USUAL, **says}, data
        self._control = socket.create_server(("127.0.0.1", 0))
        self._passive = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._control, self._passive]
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port = self._control.getsockname()[1]

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection."""
        self._leave.set()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with suppress(OSError):
            control, _ = self._control.accept()
            self._open.append(control)
            self._say(control, self._says[""])
            for line in control.makefile("rb"):
                command = line.split()[0].decode().upper()
                if command == "EPSV" and command not in self._says:
                    port = self._passive.getsockname()[1]
                    self._say(control, b"229 here (|||%d|)\r\n" % port)
                elif command in TRANSFERS and command not in self._says:
                    self._transfer(control)
                else:
                    self._say(control, self._says.get(command, b"502 no\r\n"))

    def _transfer(self, control: socket.socket) -> None:
        data, _ = self._passive.accept()
        self._open.append(data)
        self._say(control, b"150 coming\r\n")
        self._say(data, self._data)
        data.close()
        self._say(control, b"226 done\r\n")

    def _say(self, to: socket.socket, saying: Saying) -> None:
        for part in (saying,) if isinstance(saying, bytes) else saying():
            if self._leave.is_set():
                return
            to.sendall(part)


QUICK = Timeouts(connect=0.3, read=0.3, transfer=0.6)


@contextmanager
def ftp_to(
    says: Mapping[str, Saying] | None = None, data: Saying = b"", timeouts: Timeouts = QUICK
) -> Iterator[FtpTransport]:
    """A connection to such a server."""
    server = ScriptedFtp(says or {}, data)
    server.start()
    try:
        settings = FtpSettings("127.0.0.1", server.port, "u", "p", timeouts=timeouts)
        with FtpTransport(settings) as transport:
            yield transport
    finally:
        server.stop()
