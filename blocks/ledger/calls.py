"""Calls: runs that share a ledger reserve the moments of their calls, first come, first served.

An account's row among the leases says when its calls are free again and who took the latest. A run
that dies before its call leaves one interval unused, and nothing else.
"""

import time
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select, update

from blocks.ledger import clock
from blocks.ledger.store import Store, insert_once
from blocks.ledger.tables import leases

FARTHEST_SECONDS = 60.0
"""So far ahead nothing is reserved: a row that says so was written by a clock that was wrong."""


class Calls:
    """One run's place among all that call an account of the `name`."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, f"mailup-call/{name}"
        self._me = uuid4().hex

    def reserve(self, interval: float, *, soonest: float = 0.0) -> float:
        """Seconds until our next call may be made, `soonest` at least; all in seconds.

        The next one of somebody else comes an `interval` later. Between our own calls nobody else
        asked for, their distance is for the caller to keep.
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
        # The commit has taken its time, of which nothing is to be lost.
        return max(0.0, (moment - now).total_seconds() - (time.monotonic() - read))
