"""MailUp's formats of dates and times."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

NEVER = "0001-01-01 00:00:00Z"


def now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


def utc_form(moment: datetime) -> str:
    """`2014-04-01 13:53:06Z`: messages, sendings, SMS."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def local_form(moment: datetime, zone: str) -> str:
    """`2020-01-27 10:38:00.000`: subscription details. Chosen: the account's local time."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S.000")


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970 UTC, as in events."""
    return int(moment.timestamp())


def from_seconds(number: int) -> datetime:
    """The time of an event."""
    return datetime.fromtimestamp(number, UTC)


def parse(text: str) -> datetime:
    """An ISO time of the control API; UTC if it has no zone."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
