"""Calls to MailUp: runs that share a ledger reserve times for their calls, in order of arrival.

A row per account in the table of leases holds the next free time and the last run that reserved.
A run that dies before its call leaves one interval unused.
"""

import time
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select, update

from blocks.ledger import clock
from blocks.ledger.store import Store, insert_once
from blocks.ledger.tables import leases

FARTHEST_SECONDS = 60.0
"""The furthest reservation; a row beyond it was written by a wrong clock and is ignored."""


class Calls:
    """One run's reservations of calls to the account `name`."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, f"mailup-call/{name}"
        self._me = uuid4().hex

    def reserve(self, interval: float, *, soonest: float = 0.0) -> float:
        """Reserve a call; returns the seconds until then, at least `soonest`.

        The next call of another run is an `interval` (seconds) later. The caller itself keeps the
        interval between its own consecutive calls.
        """
        mine = leases.c.name == self._name
        columns = (leases.c.owner, leases.c.expires_at, leases.c.boot)
        held = select(*columns).where(mine).with_for_update()
        with self._store.transaction() as connection:
            nobody = {"owner": "", "expires_at": clock.EPOCH}
            insert_once(connection, leases, name=self._name, **nobody)
            owner, free, boot = connection.execute(held).one()
            now, read = clock.read(connection), time.monotonic()
            wanted = now + timedelta(seconds=soonest)
            near = free <= now + timedelta(seconds=FARTHEST_SECONDS)
            believed = owner != self._me and near and boot == clock.boot(connection)
            moment = max(free, wanted) if believed else wanted
            then = {
                "owner": self._me,
                "expires_at": moment + timedelta(seconds=interval),
                "boot": clock.boot(connection),
            }
            connection.execute(update(leases).where(mine).values(then))
        # The commit took time, which is part of the wait.
        return max(0.0, (moment - now).total_seconds() - (time.monotonic() - read))
