"""The clock that leases go by: one that nobody sets, and that goes on while this machine sleeps.

PostgreSQL, which several machines ask, has its own. A file of SQLite belongs to one machine: there
it is what has passed since that was started, and which start that was. Times are written as days
after EPOCH then, which have no other meaning.
"""

import time
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, DateTime, func, literal, select

from blocks.ledger.store import naive_utc_now

EPOCH = datetime(2001, 1, 1)  # noqa: DTZ001 - a number of seconds in a column of dates
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str:
    """Which start of this machine it is; "" where the system does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def awake() -> float:
    """Seconds since this machine was started, those in which it or this process stood still
    included."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot(connection: Connection) -> str:
    """The start in which times are comparable; "" where they always are."""
    return boot_id() if connection.dialect.name == "sqlite" else ""


def now(connection: Connection) -> ColumnElement[datetime]:
    """This moment, to be computed with in a statement."""
    if connection.dialect.name == "sqlite":
        return literal(_on_this_machine(), DateTime)
    return func.timezone("UTC", func.clock_timestamp(), type_=DateTime)


def read(connection: Connection) -> datetime:
    """This moment as a value."""
    if connection.dialect.name == "sqlite":
        return _on_this_machine()
    moment: datetime = connection.execute(select(now(connection))).scalar_one()
    return moment


def after(connection: Connection, seconds: float) -> ColumnElement[datetime]:
    """The moment in so many seconds, to be computed with in a statement."""
    if connection.dialect.name == "sqlite":
        return literal(_on_this_machine() + timedelta(seconds=seconds), DateTime)
    return now(connection) + literal(timedelta(seconds=seconds))


def _on_this_machine() -> datetime:
    # Without a start to go by, a clock that counts from it would mean nothing after the next one.
    return EPOCH + timedelta(seconds=awake()) if boot_id() else naive_utc_now()
