"""The clock of leases: it cannot be set, and includes time in which this machine was suspended.

With PostgreSQL it is the database's clock, which all machines share. With SQLite, which one
machine uses, it is the time since boot, together with the boot id; written as a time after EPOCH.
"""

import time
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, DateTime, func, literal, select

from blocks.ledger.store import naive_utc_now

EPOCH = datetime(2001, 1, 1)  # noqa: DTZ001 - a duration stored in a column of dates
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str:
    """The id of this machine's boot; "" if the system has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def awake() -> float:
    """Seconds since this machine's boot, including suspension of the machine or this process."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot(connection: Connection) -> str:
    """The boot id within which times are comparable; "" if they always are."""
    return boot_id() if connection.dialect.name == "sqlite" else ""


def now(connection: Connection) -> ColumnElement[datetime]:
    """The current time, as an expression of a statement."""
    if connection.dialect.name == "sqlite":
        return literal(_on_this_machine(), DateTime)
    return func.timezone("UTC", func.clock_timestamp(), type_=DateTime)


def read(connection: Connection) -> datetime:
    """The current time, as a value."""
    if connection.dialect.name == "sqlite":
        return _on_this_machine()
    moment: datetime = connection.execute(select(now(connection))).scalar_one()
    return moment


def after(connection: Connection, seconds: float) -> ColumnElement[datetime]:
    """The time after `seconds`, as an expression of a statement."""
    if connection.dialect.name == "sqlite":
        return literal(_on_this_machine() + timedelta(seconds=seconds), DateTime)
    return now(connection) + literal(timedelta(seconds=seconds))


def _on_this_machine() -> datetime:
    # Without a boot id, times since boot could not be compared after the next boot.
    return EPOCH + timedelta(seconds=awake()) if boot_id() else naive_utc_now()
