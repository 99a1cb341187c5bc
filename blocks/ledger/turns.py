"""Import slots: files of one account take turns, so that a large file does not block small ones.

An account has a limited number of slots; a file holds one while its batches are sent. Waiting
files queue with tickets, and slots go to the oldest ticket. While a file waits that has not had a
slot yet, turns are short, so that small files finish soon. Tickets and slots are leases, so that
those of a crashed machine expire.
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
"""How long a slot is held at least while others wait; each change takes some time."""
SHORT_TURN_SECONDS = 0.5
"""The same while one of them has not had a slot yet."""
_POLL_SECONDS = 0.1
FIRST_TURN = "new"
"""End of the ticket of a file that has not had a slot yet. Tickets are ordered by time only."""


class ImportSlot(AbstractContextManager["ImportSlot"]):
    """A slot of an account's queue, held until the context ends.

    Entering and `yield_to_others` raise LeaseHeld if no slot is free within `wait_seconds`.
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
        self._kind = FIRST_TURN
        self._since = self._checked = 0.0

    def __enter__(self) -> Self:
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def yield_to_others(self) -> None:
        """Let waiting files go first if this turn has lasted long enough, and wait for a slot."""
        now = time.monotonic()
        if now - self._checked < SHORT_TURN_SECONDS:
            return
        self._checked = now
        waiting = self._tickets()
        if not waiting:
            self._since = now
        elif now - self._since >= TURN_SECONDS or any(
            each.endswith(FIRST_TURN) for each in waiting
        ):
            self._held.close()
            self._take()

    def _take(self) -> None:
        slot = self._wait()
        self._held.enter_context(kept(self._store, slot))
        self._kind = "again"
        self._since = self._checked = time.monotonic()

    def _wait(self) -> Lease:
        end = time.monotonic() + self._wait_seconds
        with self._store.transaction() as connection:
            since = (clock.read(connection) - clock.EPOCH) // timedelta(microseconds=1)
        name = f"{self._queue}/waiting/{since:020d}/{uuid4().hex}/{self._kind}"
        ticket = take(self._store, name)
        if ticket is None:
            raise AssertionError("a unique lease name is taken")
        with kept(self._store, ticket):
            while time.monotonic() < end:
                if self._tickets()[:1] == [ticket.name] and (slot := self._free()):
                    return slot
                self._sleep(_POLL_SECONDS)
        raise LeaseHeld(
            f"Other imports hold {', '.join(self._slots)} and did not end within "
            f"{self._wait_seconds:.0f} seconds. Wait for their end, or run this again later."
        )

    def _free(self) -> Lease | None:
        return next(filter(None, (take(self._store, name) for name in self._slots)), None)

    def _tickets(self) -> list[str]:
        """All waiting tickets, oldest first."""
        waiting = leases.c.name.startswith(f"{self._queue}/waiting/", autoescape=True)
        with self._store.transaction() as connection:
            tickets = select(leases.c.name).where(waiting, alive(connection))
            return sorted(connection.execute(tickets).scalars())
