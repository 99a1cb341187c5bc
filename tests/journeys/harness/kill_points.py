"""In a run's own process: every instant at which it could die is counted, and it dies at one, or
something that it needs goes away.

Instants are before and after every commit of the ledger, every call of MailUp, every verb of the
transport and every file of the ledger's storage, and when half of a file is uploaded; nothing of
the project is changed for it.
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from blocks.ledger.storage import Storage
from blocks.ledger.store import Store
from blocks.mailup.http.wire import Call, Wire
from blocks.transport.base import Transport
from blocks.transport.ftp.adapter import FtpTransport
from blocks.transport.sftp.adapter import SftpTransport

VERBS = ("list", "stat", "read", "write", "rename", "remove", "make_folder")
OF_FILES: tuple[tuple[type, str, tuple[str, ...]], ...] = (
    (SftpTransport, "server", VERBS),
    (FtpTransport, "server", VERBS),
    (Storage, "storage", ("put_as", "get", "remove")),
)


@dataclass(frozen=True)
class Nth:
    """A run is killed at the instant with this number, from 1 on."""

    number: int


@dataclass(frozen=True)
class Stop:
    """A run is stopped (SIGSTOP) at the instant with this number, until SIGCONT."""

    number: int


@dataclass(frozen=True)
class At:
    """A run is killed at the first instant with this label."""

    label: str


class Instants:
    """Records each instant of a run in the file `trace`, and acts at the planned ones.

    At the `deadly` one it kills or stops this process. At the first one with the label `struck` it
    rings the `bell`, and continues when it is answered.
    """

    def __init__(
        self,
        trace: Path,
        *,
        deadly: Nth | At | Stop | None = None,
        struck: str = "",
        bell: Connection | None = None,
    ) -> None:
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._deadly, self._struck, self._bell = deadly, struck, bell
        self._count, self._dying = 0, False
        self._transaction = threading.RLock()

    def reach(self, label: str, last: Callable[[], object] = lambda: None) -> None:
        """An instant; `last` is what a run that is killed there still does.

        Leases are renewed in a thread of their own, at arbitrary times.
        """
        if self._dying or threading.current_thread() is not threading.main_thread():
            return
        self._count += 1
        os.write(self._trace, f"{label}\n".encode())
        if self._deadly in (Nth(self._count), At(label)):
            self._dying = True
            last()
            os.kill(os.getpid(), signal.SIGKILL)
        if self._deadly == Stop(self._count):
            # A transaction of another thread would lock a ledger on SQLite.
            with self._transaction:
                os.kill(os.getpid(), signal.SIGSTOP)
        if self._bell and label == self._struck:
            self._struck = ""
            self._bell.send(label)
            self._bell.recv()

    def arm(self) -> None:
        """Add instants around every call with an effect outside of this process."""
        Store.transaction = self._around_commit(Store.transaction)  # type: ignore[method-assign]
        Wire.ask = self._around(Wire.ask, _call)  # type: ignore[method-assign]
        for owner, part, verbs in OF_FILES:
            for verb in verbs:
                text = f"{part}: {verb}"
                real = getattr(owner, verb)
                if verb == "write":
                    real = self._in_the_middle(real)
                setattr(owner, verb, self._around(real, lambda *_, text=text: text))

    def _around(self, real: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        def around(*args: Any, **named: Any) -> Any:
            label = name(*args)
            self.reach(f"{label}, before")
            result = real(*args, **named)
            self.reach(f"{label}, after")
            return result

        return around

    def _in_the_middle(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def write(transport: Transport, source: Path, path: str) -> Any:
            self.reach("server: write, halfway", lambda: real(transport, _half(source), path))
            return real(transport, source, path)

        return write

    def _around_commit(
        self, real: Callable[[Store], AbstractContextManager[Any]]
    ) -> Callable[[Store], AbstractContextManager[Any]]:
        @contextmanager
        def around(store: Store) -> Iterator[Any]:
            label = _asker(sys._getframe(2))
            with self._transaction, real(store) as connection:
                yield connection
                self.reach(f"{label}, before commit")
            self.reach(f"{label}, after commit")

        return around


def _half(source: Path) -> Path:
    content = source.read_bytes()
    half = source.with_name(f"{source.name}.half")
    half.write_bytes(content[: len(content) // 2])
    return half


def _call(_wire: Wire, call: Call, **_: Any) -> str:
    return f"{call.method} " + re.sub(r"\d+", "N", call.path)


def _asker(frame: FrameType | None) -> str:
    """Which function of the ledger a transaction is for."""
    while frame and frame.f_code.co_name.startswith("_") and frame.f_back:
        frame = frame.f_back
    assert frame
    return f"{frame.f_globals['__name__'].rpartition('.')[2]}.{frame.f_code.co_name}"
