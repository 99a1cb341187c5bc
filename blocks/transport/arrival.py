"""Which files of a folder are complete: unchanged between two listings, and old enough."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from blocks.errors import FileGone
from blocks.transport import names
from blocks.transport.base import RemoteFile, Transport

# A server's clock may be some minutes fast. A time further in the future was set by a program
# and is ignored.
FUTURE_LIMIT = timedelta(days=1)


def utc_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(tz=UTC)


def stable_files(
    transport: Transport,
    folder: str,
    first_listing: Iterable[RemoteFile],
    *,
    wait_seconds: float,
    minimum_age_seconds: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = utc_now,
) -> list[RemoteFile]:
    """The files of the first listing that a second one shows unchanged, in the order given.

    One wait and one listing for all files. Skipped: a file that grows, changes its time,
    disappears, is younger than the minimum age, or has the name of an unfinished file (hidden, or
    with an ending such as `.part` or `.tmp`). The age is not checked where the server gives no
    exact times.
    """
    first = [file for file in first_listing if not names.is_unfinished(file.name)]
    if not first:
        return []
    sleep(wait_seconds)
    second = {file.name: file for file in transport.list(folder)}
    unchanged = [file for file in first if second.get(file.name) == file]
    if minimum_age_seconds <= 0:
        return unchanged
    latest = now() - timedelta(seconds=minimum_age_seconds)
    return [file for file in unchanged if _is_older(transport, folder, file, latest)]


def _is_older(transport: Transport, folder: str, file: RemoteFile, latest: datetime) -> bool:
    try:
        exact = (
            file
            if transport.abilities.modified_times
            else transport.stat(names.join_checked(folder, file.name))
        )
    except FileGone:
        return False
    changed_at = exact.modified_at
    return changed_at is None or changed_at <= latest or changed_at > latest + FUTURE_LIMIT
