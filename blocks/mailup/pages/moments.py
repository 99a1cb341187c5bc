"""Convert MailUp's dates to its two documented forms, or detect others."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

LOCAL_LENGTH = len("2020-01-27 10:38:00.000")
"""Length of a date in the form that MailUp documents for local time; no other form has it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FARTHEST_WEST = timedelta(hours=12)
# The default format of .NET services: /Date(1396360386000+0200)/.
_TICKS = re.compile(r"/Date\((-?\d+)")
# Its own form for dates without a zone, as it writes when people were subscribed or left.
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}")


def moment(value: object) -> str | None:
    """*value* as `2014-04-01 13:53:06Z` (UTC) or `2020-01-27 10:38:00.000` (local time).

    Any ISO format is accepted. One without a zone that is not MailUp's own format of local time
    becomes `2020-01-27 10:38:00`: it is unknown whether it is UTC. None for a missing date, for
    MailUp's "never" (year 1) and for an invalid date, which must not stop an export.
    """
    if not isinstance(value, str) or not value:
        return None
    try:
        when = (
            _ticks(value) if value.startswith("/Date(") else datetime.fromisoformat(value.strip())
        )
        if when.year == 1:
            return None
        if when.tzinfo is None:
            documented = _LOCAL.fullmatch(value.strip())
            return when.isoformat(" ", timespec="milliseconds" if documented else "seconds")
        return when.astimezone(UTC).replace(tzinfo=None).isoformat(" ", timespec="seconds") + "Z"
    except (ValueError, OverflowError):
        return None


def _ticks(value: str) -> datetime:
    """The time of `/Date(milliseconds+zone)/`: milliseconds are UTC, the zone is ignored."""
    found = _TICKS.match(value)
    if found is None:
        raise ValueError("no number of milliseconds")
    return _EPOCH + timedelta(milliseconds=int(found[1]))


def tells_zone(written: str, *, local: bool) -> bool:
    """Whether the zone of a date (in a form of `moment`) is known: UTC, or local time where
    MailUp documents `local` time."""
    return written.endswith("Z") or (local and len(written) == LOCAL_LENGTH)


def local_day(written: str, zone: str) -> str | None:
    """The day, in a time zone, of a date in one of the forms of `moment`; None if it is invalid.

    For a date without a zone it is the latest possible day.
    """
    try:
        when = datetime.fromisoformat(written)
        if when.tzinfo is None and not _LOCAL.fullmatch(written):
            when = when.replace(tzinfo=UTC) + _FARTHEST_WEST
        local = when.astimezone(ZoneInfo(zone)) if when.tzinfo else when
    except (ValueError, OverflowError):
        return None
    return f"{local:%Y-%m-%d}"
