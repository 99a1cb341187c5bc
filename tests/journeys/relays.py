"""A way to a server that fails on request: refused, silent, or reset in the middle of an answer."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Trouble = Literal["none", "refuses", "hangs", "resets"]
BLOCK_BYTES = 16 * 1024
BYTES_BEFORE_A_RESET = 20
_AT_ONCE = struct.pack("ii", 1, 0)


class Relay:
    """Listens on a port of its own and passes on to another one, as long as there is no trouble.

    `refuses`: nobody listens, and open connections end. `hangs`: connections are accepted and stay
    open, and nothing passes. `resets`: what is asked passes, and of the next answer a few bytes
    do before the connection is reset.
    """

    def __init__(self, port: int) -> None:
        self._far = port
        self._lock = threading.Lock()
        self._trouble: Trouble = "none"
        self._sockets: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def suffer(self, trouble: Trouble) -> None:
        """Begin, or end with `none`; what hung is reset then, for its bytes are gone."""
        with self._lock:
            before, self._trouble = self._trouble, trouble
        if trouble == "refuses":
            self._deafen()
        if "refuses" in (before, trouble) or before == "hangs":
            self._reset_all()
        if before == "refuses" != trouble:
            self._listener = self._listen(self.port)

    def close(self) -> None:
        """End all connections."""
        self._deafen()
        self._reset_all()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _deafen(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who is in accept
        self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._far))
        except OSError:
            _reset(near)
            return
        with self._lock:
            self._sockets |= {near, far}
        for source, sink, answers in ((near, far, False), (far, near, True)):
            arguments = (source, sink, answers)
            threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while block := source.recv(BLOCK_BYTES):
                if self._trouble == "hangs":
                    continue
                if self._trouble == "resets" and answers:
                    sink.sendall(block[:BYTES_BEFORE_A_RESET])
                    self._forget(source, sink)
                    return
                sink.sendall(block)
        self._forget(source, sink)

    def _forget(self, *sockets: socket.socket) -> None:
        with self._lock:
            self._sockets -= set(sockets)
        for each in sockets:
            _reset(each)

    def _reset_all(self) -> None:
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            _reset(each)


def _reset(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


@contextmanager
def relay(port: int) -> Iterator[Relay]:
    """A relay to a port of this machine."""
    made = Relay(port)
    try:
        yield made
    finally:
        made.close()
