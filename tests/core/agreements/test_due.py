"""By when a file or a delivery has to be there."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from tasks.agreements.due import Due

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SIX = Due(by="06:00", zone="Europe/Rome")
WEEKDAYS = Due(by="06:00", days=["mon", "tue", "wed", "thu", "fri"])


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_nothing_is_due_unless_it_was_agreed() -> None:
    """A client without a time is never overdue."""
    assert Due().missed(at("2026-11-24T12:00"), None, LONG_AGO) is None


@pytest.mark.parametrize(
    ("now", "done", "missed"),
    [
        ("2026-11-24T04:59", None, "2026-11-23T05:00"),
        ("2026-11-24T04:59", "2026-11-23T04:30", None),
        ("2026-11-24T05:00", "2026-11-23T04:30", "2026-11-24T05:00"),
        ("2026-11-24T05:00", "2026-11-24T04:30", None),
        ("2026-11-24T05:00", "2026-11-23T06:10", "2026-11-24T05:00"),
        ("2026-11-24T09:00", "2026-11-24T08:40", None),
        ("2026-11-24T05:00", "2026-11-23T17:00", None),
    ],
    ids=["never done", "done yesterday in time, not yet due today", "due and not done", "in time",
         "yesterday's late one does not count for today", "late is done all the same",
         "twelve hours before counts"],
)  # fmt: skip
def test_what_is_done_late_counts_for_its_own_day(
    now: str, done: str | None, missed: str | None
) -> None:
    """Done from twelve hours before the time on, late or not, settles that time and no other."""
    found = SIX.missed(at(now), at(done) if done else None, LONG_AGO)
    assert found == (at(missed) if missed else None)


def test_days_off_ask_for_nothing_and_forgive_nothing() -> None:
    """On Sunday Friday's file is still missing; on Monday before six nothing new is."""
    friday = at("2026-11-27T05:00")
    for now in ("2026-11-29T12:00", "2026-11-30T04:59"):
        assert WEEKDAYS.missed(at(now), at("2026-11-26T04:00"), LONG_AGO) == friday
        assert WEEKDAYS.missed(at(now), at("2026-11-27T04:00"), LONG_AGO) is None


def test_times_before_the_agreement_are_not_asked_for() -> None:
    """A client that was set up at ten is not overdue since six."""
    assert SIX.missed(at("2026-11-24T12:00"), None, at("2026-11-24T09:00")) is None


@pytest.mark.parametrize(
    ("day", "hour_in_utc"), [("2026-03-28", 5), ("2026-03-29", 4), ("2026-10-25", 5)]
)
def test_the_time_is_that_of_the_clients_wall(day: str, hour_in_utc: int) -> None:
    """Six o'clock stays six o'clock when the clock changes."""
    due = at(f"{day}T{hour_in_utc:02}:00")
    assert SIX.missed(due, None, LONG_AGO) == due
    assert SIX.missed(due - timedelta(seconds=1), None, LONG_AGO) < due


@pytest.mark.parametrize(
    "wrong",
    [{"by": "6:00"}, {"by": "24:00"}, {"zone": "Rome"}, {"days": []}, {"days": ["monday"]}],
    ids=str,
)
def test_a_time_that_does_not_exist_is_refused(wrong: dict[str, object]) -> None:
    """A deadline that could never be missed is found when it is deployed."""
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Due.model_validate({"by": "06:00"} | wrong)
