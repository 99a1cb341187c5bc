"""Dates as MailUp writes them, brought to its two documented forms."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How .NET services write a date where nobody chose a format: /Date(1396360386000+0200)/.
_TICKS = re.compile(r"/Date\((-?\d+)")


def moment(value: object) -> str | None:
    """*value* as `2014-04-01 13:53:06Z` (UTC) or `2020-01-27 10:38:00.000` (zone not told).

    Any ISO spelling is taken. None for a missing date, for MailUp's "never" (year 1) and for what
    is no date at all: a field that only looks like a date must not stop an export.
    """
    if not isinstance(value, str) or not value:
        return None
    try:
        when = (
            _ticks(value) if value.startswith("/Date(") else datetime.fromisoformat(value.strip())
        )
        if when.year == 1:
            return None
        return _written(when)
    except (ValueError, OverflowError):
        return None


def _ticks(value: str) -> datetime:
    """The moment of `/Date(milliseconds+zone)/`: the count is UTC, the zone is for show."""
    found = _TICKS.match(value)
    if found is None:
        raise ValueError("no number of milliseconds")
    return _EPOCH + timedelta(milliseconds=int(found[1]))


def _written(when: datetime) -> str:
    if when.tzinfo is None:
        return when.isoformat(" ", timespec="milliseconds")
    return when.astimezone(UTC).replace(tzinfo=None).isoformat(" ", timespec="seconds") + "Z"
