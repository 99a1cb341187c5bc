"""Turns: who has many imports in an account lets those in between who wait.

At most so many imports run in an account at once; a file holds one of these slots while its batches
are sent. Whoever waits leaves a ticket, and slots go to the oldest ticket. While a newcomer waits,
a file that has not had a turn yet, turns are short: what is small is through after a moment, and
those who come back keep their places. Tickets and slots are leases, so that nobody waits for a
machine that died.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from typing import Self
from uuid import uuid4

from sqlalchemy import select

from blocks.errors import LeaseHeld
from blocks.ledger import clock
from blocks.ledger.leases import Lease, alive, kept, take
from blocks.ledger.store import Store
from blocks.ledger.tables import leases

TURN_SECONDS = 5.0
"""How long a slot is held at least while others wait: changing over costs a moment."""
SHORT_TURN_SECONDS = 0.5
"""The same while a newcomer is among them."""
_POLL_SECONDS = 0.1
NEWCOMER = "new"
"""End of a newcomer's ticket; its beginning is the time, which alone decides about the order."""


class Turn(AbstractContextManager["Turn"]):
    """A slot of an account's queue, held until the block ends; `offer` lets others in between.

    Entering waits up to `wait_seconds` and then raises LeaseHeld, as `offer` does.
    """

    def __init__(
        self,
        store: Store,
        queue: str,
        slots: int,
        *,
        wait_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store, self._queue = store, queue
        self._slots = [f"{queue}/{number}" for number in range(1, slots + 1)]
        self._wait_seconds, self._sleep = wait_seconds, sleep
        self._held = ExitStack()
        self._kind = NEWCOMER
        self._since = self._looked = 0.0

    def __enter__(self) -> Self:
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def offer(self) -> None:
        """Let those go first who wait, if this turn has lasted long enough; then wait for ours."""
        now = time.monotonic()
        if now - self._looked < SHORT_TURN_SECONDS:
            return
        self._looked = now
        waiting = self._tickets()
        if not waiting:
            self._since = now
        elif now - self._since >= TURN_SECONDS or any(each.endswith(NEWCOMER) for each in waiting):
            self._held.close()
            self._take()

    def _take(self) -> None:
        slot = self._wait()
        self._held.enter_context(kept(self._store, slot))
        self._kind = "again"
        self._since = self._looked = time.monotonic()

    def _wait(self) -> Lease:
        end = time.monotonic() + self._wait_seconds
        with self._store.transaction() as connection:
            since = (clock.read(connection) - clock.EPOCH) // timedelta(microseconds=1)
        name = f"{self._queue}/waiting/{since:020d}/{uuid4().hex}/{self._kind}"
        ticket = take(self._store, name)
        if ticket is None:
            raise AssertionError("a name that nobody else can have is taken")
        with kept(self._store, ticket):
            while time.monotonic() < end:
                if self._tickets()[:1] == [ticket.name] and (slot := self._free()):
                    return slot
                self._sleep(_POLL_SECONDS)
        raise LeaseHeld(
            f"Other imports hold {', '.join(self._slots)} and did not end within "
            f"{self._wait_seconds:.0f} seconds. Let them end, or run this again later."
        )

    def _free(self) -> Lease | None:
        return next(filter(None, (take(self._store, name) for name in self._slots)), None)

    def _tickets(self) -> list[str]:
        """The tickets of all who wait, the oldest first."""
        waiting = leases.c.name.startswith(f"{self._queue}/waiting/", autoescape=True)
        with self._store.transaction() as connection:
            tickets = select(leases.c.name).where(waiting, alive(connection))
            return sorted(connection.execute(tickets).scalars())
