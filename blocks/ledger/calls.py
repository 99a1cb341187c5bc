"""Calls: runs that share a ledger reserve the moments of their calls, first come, first served.

An account's row among the leases says when its calls are free again and who took the latest. A run
that dies before its call leaves one interval unused, and nothing else.
"""

import time
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, func, select, update

from blocks.ledger.store import Store, insert_once, utc_now
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
        held = select(leases.c.owner, leases.c.expires_at).where(mine).with_for_update()
        past = utc_now() - timedelta(days=1)
        with self._store.transaction() as connection:
            insert_once(connection, leases, name=self._name, owner="", expires_at=past)
            owner, free = connection.execute(held).one()
            now, read = _now(connection), time.monotonic()
            wanted = now + timedelta(seconds=soonest)
            believed = owner != self._me and free <= now + timedelta(seconds=FARTHEST_SECONDS)
            moment = max(free, wanted) if believed else wanted
            then = {"owner": self._me, "expires_at": moment + timedelta(seconds=interval)}
            connection.execute(update(leases).where(mine).values(then))
        # The commit has taken its time, of which nothing is to be lost.
        return max(0.0, (moment - now).total_seconds() - (time.monotonic() - read))


def _now(connection: Connection) -> datetime:
    """The database's clock where several machines may ask, this machine's for a file."""
    if connection.dialect.name == "sqlite":
        return utc_now()
    now = func.timezone("UTC", func.clock_timestamp())
    moment: datetime = connection.execute(select(now)).scalar_one()
    return moment
