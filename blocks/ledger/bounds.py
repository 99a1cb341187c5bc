"""A bound for every transaction: the driver waits without end for a PostgreSQL that hangs."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine, event

ANSWER_SECONDS = 300.0
"""How long a transaction may take in all, from the way to the server to its commit."""


class Connections:
    """The open connections of one engine, which are cut when the server does not answer.

    libpq notices a network that is gone, but not a server that is there and silent. All of an
    engine's connections lead to the same server: one that hangs speaks for the others.
    """

    def __init__(self, engine: Engine) -> None:
        self._open: WeakSet[Any] = WeakSet()
        # SQLite's waits are bounded by its busy time-out.
        self._may_hang = engine.dialect.name == "postgresql"
        if self._may_hang:
            event.listen(engine, "connect", lambda opened, _record: self._open.add(opened))

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """What is asked inside ends with a lost connection where it takes too long."""
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
                socket.socket(fileno=os.dup(each.fileno())) as way,
            ):
                way.shutdown(socket.SHUT_RDWR)
