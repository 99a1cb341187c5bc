"""Windows of exports, and conversion between MailUp's dates, UTC and a client's time zone."""

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from blocks.errors import ConfigurationError, RunStopped
from tasks.reports.output.formats import is_zone

_MOMENT = re.compile(r"(19|20)\d\d-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?")


@dataclass(frozen=True)
class Window:
    """The period of an export: from `start` (None: from the beginning) to `end`, exclusive.

    Both in UTC. `number` counts the windows of a stream from 1; 0 is a manual window, which does
    not move the watermark.
    """

    number: int
    start: datetime | None
    end: datetime

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment is not None and moment.utcoffset() != timedelta(0):
                raise ValueError("A window must be in UTC.")
        if self.start is not None and self.start >= self.end:
            raise ValueError("A window must end after its start.")

    @property
    def seen_at(self) -> datetime:
        """The date given to events that MailUp does not date and this window sees first.

        The last microsecond of the window: its end belongs to the next one.
        """
        return self.end - timedelta(microseconds=1)


def following(number: int, watermark: datetime | None, now: datetime) -> Window:
    """The window after the window `number` (0: none so far), from its end to `now`.

    RunStopped if the clock is before the watermark.
    """
    if watermark is not None and now <= watermark:
        raise RunStopped(
            f"The clock says {now:%Y-%m-%dT%H:%M:%SZ}, but everything before "
            f"{watermark:%Y-%m-%dT%H:%M:%SZ} has been delivered already. Correct the clock of this "
            "machine; nothing is lost by waiting."
        )
    return Window(number + 1, watermark, now)


def backfill(start: str, end: str, zone: str, now: datetime) -> Window:
    """A manual window: from `start` ("": from the beginning) to `end` ("": now), exclusive.

    Texts such as `2026-10-25` (midnight), `2026-10-25T02:30` or `2026-10-25T02:30:00`, in the
    client's `zone`; with Z or an offset, exactly that time. In the hour that occurs twice when
    clocks go back, a start means the first and an end the second occurrence. A time that clocks
    skip is the time at which they skip.
    """
    first = _moment("start", start, zone, late=False) if start else None
    last = _moment("end", end, zone, late=True) if end else now
    if first is not None and first >= last:
        raise ConfigurationError(
            f"The start {start!r} must be before the end {end or 'now'!r}, which is not part of "
            "the window; for one day give that day as start and the next one as end."
        )
    return Window(0, first, last)


def utc(texts: pl.Expr, zone: str) -> pl.Expr:
    """Convert MailUp's dates to UTC; null for "", for "never" (year 1), and for invalid texts.

    `2014-04-01 13:53:06Z` is UTC. `2020-01-27 10:38:00.000` is local time of `zone`, the account's:
    the first one if it occurs twice; a skipped time is converted with the offset before the skip.
    """
    stripped = texts.str.strip_chars()
    date = stripped.str.strip_suffix("Z").str.replace("T", " ", literal=True)
    naive = date.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    naive = pl.when(naive.dt.year() > 1).then(naive)
    local = _from_local(naive, zone)
    return (
        pl.when(stripped.str.ends_with("Z"))
        .then(naive.dt.replace_time_zone("UTC"))
        .otherwise(local)
    )


def _from_local(naive: pl.Expr, zone: str) -> pl.Expr:
    def placed(moments: pl.Expr) -> pl.Expr:
        local = moments.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return local.dt.convert_time_zone("UTC")

    # The offset of the day before is the one before the skip.
    day = pl.duration(days=1)
    return placed(naive).fill_null(placed(naive - day) + day)


def _moment(what: str, text: str, zone: str, *, late: bool) -> datetime:
    """Parse a date given by an operator; UTC."""
    found = _MOMENT.fullmatch(text.strip())
    try:
        moment = datetime.fromisoformat(text.strip()) if found else None
    except ValueError:
        moment = None
    if moment is None:
        raise ConfigurationError(
            f"The {what} {text[:40]!r} is not a date; give one such as 2026-10-25 or "
            "2026-10-25T02:30, in the client's time zone."
        )
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    return _placed(moment, _zone(zone), late=late)


def _zone(zone: str) -> ZoneInfo:
    if not is_zone(zone):
        raise ConfigurationError(
            f"The time zone {zone!r} does not exist; give a name such as Europe/Rome or UTC."
        )
    return ZoneInfo(zone)


def _placed(local: datetime, zone: ZoneInfo, *, late: bool) -> datetime:
    """The time (UTC) at which clocks show `local`: of two the first, or the second if `late`."""
    moment = local.replace(tzinfo=zone, fold=int(late)).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local:
        return moment
    return _skip(local, zone)


def _skip(local: datetime, zone: ZoneInfo) -> datetime:
    """The time (UTC) at which clocks skip `local`."""
    before, after = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    seconds = range(int(after.timestamp()), int(before.timestamp()) + 1)

    def skipped(second: int) -> bool:
        return datetime.fromtimestamp(second, zone).utcoffset() != before.utcoffset()

    return datetime.fromtimestamp(seconds[bisect_left(seconds, True, key=skipped)], UTC)
