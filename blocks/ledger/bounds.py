"""A time limit for transactions: the driver would wait forever for a PostgreSQL that hangs."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event

ANSWER_SECONDS = 300.0
"""The longest time for a transaction, from connecting to commit."""


class Connections:
    """The open connections of one engine, which are closed when the server does not answer.

    libpq detects a broken network, but not a server that accepts connections and never answers.
    All connections of an engine lead to the same server: if one hangs, all are closed.
    """

    def __init__(self, engine: Engine) -> None:
        self._open: WeakSet[Any] = WeakSet()
        # SQLite has its own busy time-out.
        self._may_hang = engine.dialect.name == "postgresql"
        if self._may_hang:
            event.listen(engine, "connect", lambda opened, _record: self._open.add(opened))

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Statements inside fail with a lost connection if they take too long."""
        if not self._may_hang:
            yield
            return
        timer = Timer(ANSWER_SECONDS, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        for each in list(self._open):
            with (
                suppress(Exception),  # it was closed meanwhile
                socket.socket(fileno=os.dup(each.fileno())) as duplicate,
            ):
                duplicate.shutdown(socket.SHUT_RDWR)
