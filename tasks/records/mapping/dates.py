"""Strict parsing of dates, and formatting for MailUp's field."""

import re
from datetime import date

import polars as pl

from tasks.files.date_formats import pattern, time_parts
from tasks.records.mapping.cells import UNREADABLE
from tasks.records.mapping.marks import digits_and_signs, read_again

PAST = "past"
"""Value of `two_digit_years`: the date is in the past, within the last hundred years."""

_WHICHEVER = "2068"
_OLDEST = date(1000, 1, 1)
_ISO = "%Y-%m-%d %H:%M:%S"


def rewritten(
    cells: pl.Series,
    date_in: str,
    date_out: str,
    *,
    two_digit_years: str = "",
    today: date = date.max,
) -> pl.Series:
    """Parse cells as `date_in` and format them as `date_out` (empty: unchanged).

    UNREADABLE if a cell does not match or is no calendar day; null stays null. `two_digit_years`
    is the century of %y: PAST, or the latest possible year; without it such cells are UNREADABLE
    if `date_out` has the whole year.
    """
    if "%Y" not in date_out:
        two_digit_years = two_digit_years or _WHICHEVER
    moments = _moments(cells, date_in, two_digit_years, today)
    others = moments.is_null() & cells.is_not_null()
    if others.any():
        cells = read_again(cells, others, lambda cell: _without_marks(cell, date_in))
        again = _moments(cells.filter(others), date_in, two_digit_years, today)
        moments = moments.scatter(others.arg_true(), again)
    written = moments.dt.strftime(date_out) if date_out else cells
    unread = pl.when(pl.lit(cells).is_not_null()).then(pl.lit(UNREADABLE))
    return pl.select(
        pl.when(pl.lit(moments).is_not_null()).then(written).otherwise(unread)
    ).to_series()


def _without_marks(cell: str, date_in: str) -> str:
    """The date in a cell without marks, or UNREADABLE."""
    text = digits_and_signs(cell) or ""
    return text if re.fullmatch(pattern(date_in), text, re.ASCII) else UNREADABLE


def _moments(cells: pl.Series, date_in: str, two_digit_years: str, today: date) -> pl.Series:
    """Parsed dates, or datetimes if the format has a time; null if invalid."""
    kind = pl.Datetime("us") if time_parts(date_in) else pl.Date()
    moments = cells.str.strptime(kind, date_in, strict=False)
    if "%y" in date_in:
        moments = _in_century(moments, two_digit_years, today)
    # chrono's parser accepts short years, signs and inner blanks; the pattern does not.
    good = cells.str.contains(f"^{pattern(date_in)}$") & (moments.dt.date() >= _OLDEST)
    return pl.select(pl.when(good.fill_null(False)).then(moments)).to_series()


def _in_century(moments: pl.Series, two_digit_years: str, today: date) -> pl.Series:
    """Move dates to the agreed century; null without one."""
    if not two_digit_years:
        return moments.clear(len(moments))
    if two_digit_years != PAST:
        return _until(moments, int(two_digit_years))
    this, last = _until(moments, today.year), _until(moments, today.year - 100)
    behind = (this.dt.date() <= today).fill_null(False)
    return this.zip_with(behind, last)


def _until(moments: pl.Series, latest: int) -> pl.Series:
    """Move dates to the hundred years up to `latest`; null for a 29 February that is invalid."""
    oldest = latest - 99
    year = oldest + (moments.dt.year() - oldest) % 100
    rest = moments.cast(pl.Datetime("us")).dt.strftime(_ISO.removeprefix("%Y"))
    written = pl.select(pl.concat_str(year.cast(pl.String).str.zfill(4), rest)).to_series()
    return written.str.strptime(pl.Datetime("us"), _ISO, strict=False).cast(moments.dtype)
