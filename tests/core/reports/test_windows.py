"""Windows, and moments between MailUp's texts, UTC and a client's zone."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.errors import ConfigurationError, RunStopped
from tasks.reports.windows import Window, backfill, following, utc

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
ROME = "Europe/Rome"


def at(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def read(*texts: str | None, zone: str = ROME) -> list[datetime | None]:
    column = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    read_texts = column.select(utc(pl.col("text"), zone)).to_series()
    assert read_texts.dtype == pl.Datetime("us", "UTC")
    return read_texts.to_list()


def test_windows_follow_each_other_without_gap() -> None:
    """The next window begins where the last one ended, with the next number."""
    first = following(0, None, at(5, 1))
    second = following(first.number, first.end, at(5, 2))
    assert (first, second) == (Window(1, None, at(5, 1)), Window(2, at(5, 1), at(5, 2)))


def test_undated_events_are_dated_inside_their_window() -> None:
    """What a window sees first is found again by its dates, and not in the next window."""
    window = following(1, at(5, 1), at(5, 2))
    assert window.start is not None
    assert window.start <= window.seen_at < window.end
    assert window.end - window.seen_at == timedelta(microseconds=1)


@pytest.mark.parametrize("watermark", [NOW, NOW + timedelta(hours=1)])
def test_a_clock_that_went_back_stops_the_run(watermark: datetime) -> None:
    """No window ends before it starts; the message names the clock as the cause."""
    with pytest.raises(RunStopped, match="The clock says 2026-12-01T08:00:00Z"):
        following(4, watermark, NOW)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (None, datetime(2026, 1, 1)),  # noqa: DTZ001  the mistake itself
        (None, at(1, 1).astimezone(timezone(timedelta(hours=1)))),
        (at(1, 2), at(1, 1)),
        (at(1, 1), at(1, 1)),
    ],
)
def test_a_window_is_shown_in_utc_and_has_a_length(start: datetime | None, end: datetime) -> None:
    """An impossible window is refused."""
    with pytest.raises(ValueError, match="window"):
        Window(1, start, end)


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        ("2026-07-01", "2026-07-02", (at(6, 30, 22), at(7, 1, 22))),
        ("2026-07-01T10:30", "2026-07-01T10:30:01", (at(7, 1, 8, 30),
                                                     at(7, 1, 8, 30) + timedelta(seconds=1))),
        ("2026-07-01 10:30", "", (at(7, 1, 8, 30), NOW)),
        ("", "2026-07-01", (None, at(6, 30, 22))),
        # A whole day with 25 and one with 23 hours.
        ("2026-10-25", "2026-10-26", (at(10, 24, 22), at(10, 25, 23))),
        ("2026-03-29", "2026-03-30", (at(3, 28, 23), at(3, 29, 22))),
        # The hour that happens twice is inside on both ends.
        ("2026-10-25T02:00", "2026-10-25T03:00", (at(10, 25, 0), at(10, 25, 2))),
        ("2026-10-25T02:30", "2026-10-25T02:30", (at(10, 25, 0, 30), at(10, 25, 1, 30))),
        ("2026-10-25T02:30+01:00", "2026-10-25T01:40Z", (at(10, 25, 1, 30), at(10, 25, 1, 40))),
        # Clocks skip from 2 to 3: whatever is between is the moment of the skip.
        ("2026-03-29T02:30", "2026-03-29T04:00", (at(3, 29, 1), at(3, 29, 2))),
        ("2026-03-29T01:00", "2026-03-29T02:59:59", (at(3, 29, 0), at(3, 29, 1))),
    ],
)  # fmt: skip
def test_a_backfill_means_what_the_clocks_of_the_client_show(
    start: str, end: str, window: tuple[datetime | None, datetime]
) -> None:
    """A moment is one in the client's zone, on ordinary days and when clocks change."""
    assert backfill(start, end, ROME, NOW) == Window(0, *window)


def test_a_skip_is_found_in_any_zone() -> None:
    """Clocks that skip half an hour, or at midnight, are no exception."""
    lord_howe = backfill("2026-10-04T02:10", "2026-10-05", "Australia/Lord_Howe", NOW)
    assert lord_howe.start == at(10, 3, 15, 30)
    assert backfill("2026-03-29", "2026-03-30", "Asia/Beirut", NOW).start == at(3, 28, 22)


@pytest.mark.parametrize(
    "text",
    ["x", "2026-13-01", "2026-02-30", "01/02/2026", "2026-1-1", "2026-01-01T2:30", "0001-01-01",
     "2026-01-01T02:30+1", "2026-01-01T25:00", "2026-W05-1", "9999-12-31", "२०२६-01-01"],
)  # fmt: skip
def test_a_text_that_is_no_date_is_refused_with_an_example(text: str) -> None:
    """The message says which of the two texts, and how it is written."""
    with pytest.raises(ConfigurationError, match=r"The start .* is not a date; give .* 2026-10-25"):
        backfill(text, "", ROME, NOW)
    with pytest.raises(ConfigurationError, match=r"The end .* is not a date"):
        backfill("", text, ROME, NOW)


def test_a_window_without_length_is_refused_with_the_reason() -> None:
    """For the same day given twice the message says how to write one day."""
    for end in ("2026-07-01", "2026-06-30"):
        with pytest.raises(ConfigurationError, match="for one day give that day as start and the"):
            backfill("2026-07-01", end, ROME, NOW)
    with pytest.raises(ConfigurationError, match="before the end 'now'"):
        backfill("2027-01-01", "", ROME, NOW)


@pytest.mark.parametrize("zone", ["Europe/Rom", "", "../UTC", "localtime"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    """A name that is no time zone is a mistake of the setting."""
    with pytest.raises(ConfigurationError, match=r"The time zone .* does not exist"):
        backfill("2026-07-01", "", zone, NOW)


def test_mailups_texts_become_moments() -> None:
    """Texts with Z are UTC, those without are local; none and never are null."""
    assert read(
        "2014-04-01 13:53:06Z", "2020-01-27 10:38:00.000", "2020-07-27 10:38:00.250",
        " 2020-01-27T10:38:00 ", "", None, "0001-01-01 00:00:00Z", "0001-01-01 00:00:00.000",
        "OPTIN", "2026-02-30 00:00:00.000",
    ) == [
        datetime(2014, 4, 1, 13, 53, 6, tzinfo=UTC), datetime(2020, 1, 27, 9, 38, tzinfo=UTC),
        datetime(2020, 7, 27, 8, 38, 0, 250_000, tzinfo=UTC),
        datetime(2020, 1, 27, 9, 38, tzinfo=UTC), *[None] * 6,
    ]  # fmt: skip


def test_texts_of_nothing_are_nothing() -> None:
    """Columns without any date, and without rows, are columns of moments all the same."""
    assert read("", None, "") == [None, None, None]
    assert read() == []


def test_local_texts_when_clocks_change() -> None:
    """Of an hour that happens twice the first, of an hour that is skipped as if it were not."""
    assert read("2026-10-25 02:30:00.000", "2026-10-25 03:00:00.000") == [
        at(10, 25, 0, 30), at(10, 25, 2),
    ]  # fmt: skip
    assert read("2026-03-29 02:30:00.000", "2026-03-29 03:30:00.000") == [at(3, 29, 1, 30)] * 2
    assert read("2026-10-04 02:10:00.000", zone="Australia/Lord_Howe") == [at(10, 3, 15, 40)]


ZONES = [ROME, "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Asia/Beirut"]


@settings(derandomize=True, database=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)), st.sampled_from(ZONES))  # noqa: DTZ001  local times
def test_local_texts_are_read_as_python_reads_them(local: datetime, zone: str) -> None:
    """Any local time in any zone is the moment that Python's zone table gives it."""
    local = local.replace(microsecond=0)
    expected = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert read(f"{local:%Y-%m-%d %H:%M:%S}.000", zone=zone) == [expected]


@settings(derandomize=True, database=None)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2034, 1, 1)), st.sampled_from(ZONES))  # noqa: DTZ001  local times
def test_a_window_by_hand_holds_what_clocks_show_in_it(start: datetime, zone: str) -> None:
    """Every moment at which clocks show a time from start on, and before the end, is inside."""
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(hours=3)
    window = backfill(f"{start:%Y-%m-%dT%H:%M}", f"{end:%Y-%m-%dT%H:%M}", zone, NOW)
    assert window.start is not None
    around = window.start - timedelta(hours=3)
    for minutes in range(0, 10 * 60, 5):
        moment = around + timedelta(minutes=minutes)
        shown = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        if start <= shown < end:
            assert window.start <= moment < window.end
