"""Deadlines: when something must have been done for a client."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from tasks.agreements.base import Settings

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Due(Settings):
    """The deadline of a client's file or of a delivery; none without `by`."""

    by: str = Field(
        default="",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$",
        description="Time of day of the deadline, such as 06:00; empty for no alert.",
    )
    zone: str = Field(default="Europe/Rome", description="Time zone of the deadline.")
    days: list[Day] = Field(
        default=list(DAYS), min_length=1, description="Days of the week with a deadline."
    )
    hours_before: int = Field(
        default=12,
        ge=1,
        le=168,
        description=(
            "Imports and deliveries count for a deadline from this number of hours before it; "
            "earlier ones count for the previous deadline."
        ),
    )

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (OSError, KeyError, ValueError):
            raise ValueError(
                f"the zone '{zone}' is unknown; give a name such as Europe/Rome."
            ) from None
        return zone

    def missed(self, now: datetime, done_at: datetime | None, since: datetime) -> datetime | None:
        """The missed deadline (UTC); None if nothing is overdue.

        `done_at`: when it was last done. Deadlines before `since` do not count. Once done, late or
        not, nothing is overdue until the next deadline.
        """
        last = self._last_time(now)
        if last is None or last < since:
            return None
        counts_from = last - timedelta(hours=self.hours_before)
        return last if done_at is None or done_at < counts_from else None

    def _last_time(self, now: datetime) -> datetime | None:
        return next((each for each in self._times_back(now) if each <= now), None)

    def _times_back(self, now: datetime) -> Iterator[datetime]:
        if not self.by:
            return
        zone, at = ZoneInfo(self.zone), time.fromisoformat(self.by)
        today = now.astimezone(zone).date()
        for back in range(8):
            day = today - timedelta(days=back)
            if DAYS[day.weekday()] in self.days:
                yield datetime.combine(day, at, zone).astimezone(UTC)
