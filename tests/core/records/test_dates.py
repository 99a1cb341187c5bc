"""Dates are read strictly and written as agreed."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.mapping.cells import UNREADABLE
from tasks.records.mapping.dates import rewritten


def read(cell: str | None, date_in: str = "%d/%m/%Y", date_out: str = "%Y-%m-%d") -> str | None:
    return rewritten(pl.Series([cell], dtype=pl.String), date_in, date_out).item()


@pytest.mark.parametrize(
    ("cell", "date_in", "date_out", "written"),
    [
        ("31/12/1980", "%d/%m/%Y", "%Y-%m-%d", "1980-12-31"),
        ("1/2/2020", "%d/%m/%Y", "%Y-%m-%d", "2020-02-01"),
        ("29/02/2000", "%d/%m/%Y", "%Y-%m-%d", "2000-02-29"),
        ("19801231", "%Y%m%d", "%d.%m.%Y", "31.12.1980"),
        ("31-12-80", "%d-%m-%y", "%y%m%d", "801231"),
        ("31-12-80", "%d-%m-%y", "", "31-12-80"),
        ("31/12/1980 23:59", "%d/%m/%Y %H:%M", "%Y%m%dT%H%M%S", "19801231T235900"),
        ("31/12/1980 23:59", "%d/%m/%Y %H:%M", "%Y-%m-%d", "1980-12-31"),
        ("31/12/1980", "%d/%m/%Y", "", "31/12/1980"),
        (None, "%d/%m/%Y", "%Y-%m-%d", None),
    ],
)
def test_dates_are_rewritten(
    cell: str | None, date_in: str, date_out: str, written: str | None
) -> None:
    """A date in the agreed form comes out in the agreed form; without one it stays as it is."""
    assert read(cell, date_in, date_out) == written


@pytest.mark.parametrize(
    "cell",
    ["31/02/2020", "29/02/1900", "00/01/2020", "31/12/85", "12/31/2020", "1/2/12020", "+1/02/2020",
     "1/ 2/2020", "01-02-2020", "01/02/0020", "01/02/2020x", "x", "٠١/٠٢/٢٠٢٠"],
)  # fmt: skip
def test_what_is_no_date_is_unreadable(cell: str) -> None:
    """No day that does not exist, no year of two digits, nothing around or inside."""
    assert read(cell) == UNREADABLE


@pytest.mark.parametrize(
    ("cell", "date_in"),
    [("'24/11/1980", "%d/%m/%Y"), ('="24/11/1980"', "%d/%m/%Y"),
     ("24\u201111\u20111980", "%d-%m-%Y"),
     ("24/11/1980\u200e", "%d/%m/%Y"), ("24\u00a011 1980", "%d %m %Y")],
)  # fmt: skip
def test_marks_around_a_date_are_taken_off(cell: str, date_in: str) -> None:
    """What keeps a date from a spreadsheet, or came along from a chat, is no part of it."""
    assert read(cell, date_in) == "1980-11-24"


@pytest.mark.parametrize(
    ("cell", "date_in"),
    [("1122020", "%d%m%Y"), ("2020111", "%Y%m%d"), ("\u202e0891/11/42", "%d/%m/%Y"),
     ("24/11/1980.0", "%d/%m/%Y"), ("2411980", "%d%m%Y")],
)  # fmt: skip
def test_a_date_that_lost_a_digit_is_unreadable(cell: str, date_in: str) -> None:
    """Where day and month touch, a zero that is missing makes two dates of one."""
    assert read(cell, date_in) == UNREADABLE


@pytest.mark.parametrize(
    ("cell", "agreed", "written"),
    [
        ("24/11/55", "past", "1955-11-24"),
        ("14/05/26", "past", "2026-05-14"),
        ("16/05/26", "past", "1926-05-16"),
        ("29/02/00", "past", "2000-02-29"),
        ("29/02/00", "1999", UNREADABLE),
        ("01/01/41", "2040", "1941-01-01"),
        ("31/12/40", "2040", "2040-12-31"),
        ("24/11/55", "", UNREADABLE),
    ],
)
def test_a_year_of_two_digits_is_in_the_agreed_century(
    cell: str, agreed: str, written: str
) -> None:
    """A birthday lies in the past; without agreement no century is guessed."""
    got = rewritten(
        pl.Series([cell]), "%d/%m/%y", "%Y-%m-%d", two_digit_years=agreed, today=date(2026, 5, 15)
    )
    assert got.item() == written


def test_hours_that_do_not_exist_are_unreadable() -> None:
    """Times are as strict as dates."""
    assert read("01/02/2020 24:00", "%d/%m/%Y %H:%M") == UNREADABLE


@settings(derandomize=True, database=None)
@given(
    st.dates(date(1000, 1, 1), date(9999, 12, 31)),
    st.permutations(["%d", "%m", "%Y"]),
    st.sampled_from(["/", "-", ".", " ", ""]),
)
def test_every_day_survives_the_way_there_and_back(
    day: date, parts: list[str], separator: str
) -> None:
    """Any day in any order of day, month and year is read as that day."""
    form = separator.join(parts)
    written = form.replace("%d", f"{day.day:02}").replace("%m", f"{day.month:02}")
    assert read(written.replace("%Y", str(day.year)), form) == day.isoformat()


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.dates(date(1927, 1, 1), date(2026, 5, 15)), st.sampled_from(["'", '="', "\u200e", ""]))
def test_a_birthday_of_two_digits_is_the_day_that_a_person_reads(day: date, before: str) -> None:
    """Every day of the hundred years before today is found again, with its marks or without."""
    cell = f"{before}{day:%d.%m.%y}" + ('"' if "=" in before else "")
    got = rewritten(
        pl.Series([cell]), "%d.%m.%y", "%Y-%m-%d", two_digit_years="past", today=date(2026, 5, 15)
    )
    assert got.item() == day.isoformat()
