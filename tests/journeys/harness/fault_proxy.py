"""A way to a server that fails on request: refused, silent, reset in the middle of an answer or cut
off in the middle of what is sent."""

import secrets
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Trouble = Literal["none", "refuses", "hangs", "resets", "cuts"]
FAR = "127.0.0.1"
BLOCK_BYTES = 16 * 1024
BYTES_BEFORE_A_RESET = 20
BYTES_BEFORE_A_CUT = 200
READING_SECONDS = 0.05
_AT_ONCE = struct.pack("ii", 1, 0)


class Relay:
    """Listens on another address of this machine and relays, unless a fault is set.

    The ports are the server's own, so that the data connections of FTP are relayed, too.
    `refuses`: nobody listens, and open connections end. `hangs`: connections are accepted and stay
    open, and nothing passes. `resets`: what is asked passes, and of the next answer a few bytes
    do before the connection is reset. `cuts`: of what is asked from then on some bytes pass before
    it is reset: enough for a request, too few for the body of a small file.
    """

    def __init__(self, host: str, *ports: int) -> None:
        self.host = host
        self._lock = threading.Lock()
        self._trouble: Trouble = "none"
        self._sockets: set[socket.socket] = set()
        self._ports = ports
        self._listeners = [self._listen(port) for port in ports]

    def suffer(self, trouble: Trouble) -> None:
        """Begin a fault, or end it with `none`; silent connections are then reset."""
        with self._lock:
            before, self._trouble = self._trouble, trouble
        if trouble == "refuses":
            self._deafen()
        if "refuses" in (before, trouble) or before == "hangs":
            self._reset_all()
        if before == "refuses" != trouble:
            self._listeners = [self._listen(port) for port in self._ports]

    def close(self) -> None:
        """End all connections."""
        self._deafen()
        self._reset_all()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server((self.host, port))
        threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()
        return listener

    def _deafen(self) -> None:
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes who is in accept
            listener.close()

    def _accept(self, listener: socket.socket, port: int) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._join, args=(near, port), daemon=True).start()

    def _join(self, near: socket.socket, port: int) -> None:
        try:
            far = socket.create_connection((FAR, port))
        except OSError:
            _reset(near)
            return
        with self._lock:
            self._sockets |= {near, far}
        asked = threading.Thread(target=self._pass_on, args=(near, far, False), daemon=True)
        asked.start()
        self._pass_on(far, near, True)
        asked.join()
        self._forget(near, far)

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        """Relay one direction to its end, which the other one may outlive: a reset then would take
        what the server has not read yet."""
        try:
            if self._relay(source, sink, answers):
                sink.shutdown(socket.SHUT_WR)
                return
        except OSError:
            pass
        self._forget(source, sink)

    def _relay(self, source: socket.socket, sink: socket.socket, answers: bool) -> bool:
        """Whether it ended by itself, and not by a fault."""
        room = BYTES_BEFORE_A_CUT
        while block := source.recv(BLOCK_BYTES):
            if self._trouble == "hangs":
                continue
            if self._trouble == "resets" and answers:
                sink.sendall(block[:BYTES_BEFORE_A_RESET])
                return False
            if self._trouble == "cuts" and not answers:
                sink.sendall(block[:room])
                room -= len(block)
                if room < 0:
                    time.sleep(READING_SECONDS)  # a reset takes what was not read yet
                    return False
                continue
            sink.sendall(block)
        return True

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


def new_host() -> str:
    """An unused address of this machine."""
    return ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])


@contextmanager
def relay(host: str, *ports: int) -> Iterator[Relay]:
    """A relay at an address of this machine, to ports of it."""
    made = Relay(host, *ports)
    try:
        yield made
    finally:
        made.close()
