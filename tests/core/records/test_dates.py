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
        ("31-12-80", "%d-%m-%y", "%Y", "1980"),
        ("01.02.68", "%d.%m.%y", "%Y-%m-%d", "2068-02-01"),
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
     " 1/ 2/2020", "01/02/2020 ", "01-02-2020", "01/02/0020", "01/02/2020x", "x", "٠١/٠٢/٢٠٢٠"],
)  # fmt: skip
def test_what_is_no_date_is_unreadable(cell: str) -> None:
    """No day that does not exist, no year of two digits, nothing around or inside."""
    assert read(cell) == UNREADABLE


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
