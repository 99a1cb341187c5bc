"""A network that fails on request: every connection goes through a relay on this machine.

`Network.connect` stands in for `socket.create_connection`, so that FTP's data connections, whose
ports are only known at run time, pass through a relay as well.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable

Connect = Callable[..., socket.socket]
BLOCK_BYTES = 16 * 1024


class Network:
    """Relays bytes; cuts all connections, or becomes silent, after a number of bytes."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._left: int | None = None
        self._silent = False
        self._pause = 0.0
        self.passed = 0

    def cut_after(self, count: int) -> None:
        """Reset every open connection once `count` more bytes have passed, in any direction."""
        self._left, self._silent = count, False

    def be_silent_after(self, count: int) -> None:
        """Forward nothing any more once `count` more bytes have passed, and keep all open."""
        self._left, self._silent = count, True

    def slow_down(self, bytes_per_second: int) -> None:
        """Forward no faster than this on each connection, from now on."""
        self._pause = BLOCK_BYTES / bytes_per_second

    def heal(self) -> None:
        """Relay new connections without faults."""
        self._left = None

    def connect(self, *arguments: object, **options: object) -> socket.socket:
        """A connected socket whose other end is a relay to the address."""
        far = self._connect(*arguments, **options)
        far.settimeout(None)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = self._connect(listener.getsockname(), timeout=5)
            inner, _ = listener.accept()
        near.settimeout(far_timeout(arguments, options))
        with self._lock:
            self._sockets += [far, inner]
        for source, sink in ((far, inner), (inner, far)):
            threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()
        return near

    def close(self) -> None:
        """End every relay."""
        with self._lock:
            for sock in self._sockets:
                _reset(sock)
            self._sockets.clear()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while block := source.recv(BLOCK_BYTES):
                if not self._may_pass(len(block)):
                    if self._silent:
                        continue
                    self.close()
                    return
                time.sleep(self._pause)
                sink.sendall(block)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _may_pass(self, count: int) -> bool:
        with self._lock:
            self.passed += count
            if self._left is None:
                return True
            self._left -= count
            return self._left > 0


def far_timeout(arguments: tuple[object, ...], options: dict[str, object]) -> float | None:
    """The timeout that the caller asked for."""
    wanted = arguments[1] if len(arguments) > 1 else options.get("timeout")
    return float(wanted) if isinstance(wanted, int | float) else None


def _reset(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()
