"""Times of a local day, as seconds since 1970 UTC, and those at the ends of windows."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

HOUR = 3600
SNAPPED = 0.02
IN_THE_NIGHT = 0.03
EXPORT_HOUR = 5


@dataclass(frozen=True)
class LocalDay:
    """One day in a zone."""

    day: date
    zone: str

    def at(self, hour: int, minute: int = 0, *, days: int = 0) -> int:
        """A time of the day, or of `days` later; the first one of an hour that occurs twice."""
        moment = datetime.combine(self.day + timedelta(days=days), time(hour, minute))
        return int(moment.replace(tzinfo=ZoneInfo(self.zone)).timestamp())

    def change_of_offset(self) -> int | None:
        """The time of a clock change on this day, or None."""
        zone = ZoneInfo(self.zone)

        def offset(moment: int) -> timedelta | None:
            return datetime.fromtimestamp(moment, UTC).astimezone(zone).utcoffset()

        hours = range(self.at(0), self.at(0, days=1), HOUR)
        return next((hour for hour in hours if offset(hour) != offset(hour - 1)), None)


class Sharpener:
    """Moves some events of a day to seconds at which a window may begin or end."""

    def __init__(self, day: LocalDay, chance: Random) -> None:
        self._chance = chance
        tomorrow = LocalDay(day.day + timedelta(days=1), day.zone)
        self._changes = [
            moment for one in (day, tomorrow) if (moment := one.change_of_offset()) is not None
        ]
        full = [day.at(hour) for hour in range(24)]
        full += [tomorrow.at(0), tomorrow.at(EXPORT_HOUR)]
        full += [moment + hours * HOUR for moment in self._changes for hours in (-1, 0, 1)]
        self._sharp = sorted({moment + second for moment in full for second in (-1, 0, 1)})

    def sharpened(self, moment: int) -> int:
        """Usually the time itself, sometimes a later one; never an earlier one."""
        roll = self._chance.random()
        if roll < SNAPPED:
            later = [one for one in self._sharp if moment <= one <= moment + 12 * HOUR]
            return self._chance.choice(later) if later else moment
        if roll < SNAPPED + IN_THE_NIGHT and self._changes:
            night = self._chance.choice(self._changes) + self._chance.randrange(-HOUR, HOUR)
            return max(moment, night)
        return moment
