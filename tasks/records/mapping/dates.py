"""Dates of a client's file, read strictly and written as MailUp's field wants them."""

import re
from datetime import date

import polars as pl

from tasks.records.mapping.cells import UNREADABLE

_SHAPES = {
    "d": "[0-9]{1,2}",
    "m": "[0-9]{1,2}",
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "H": "[0-9]{1,2}",
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
}
DIRECTIVES = ", ".join(f"%{letter}" for letter in _SHAPES)
"""What a date format may consist of, beside plain characters; none depends on a language."""

_DIRECTIVE = re.compile(r"%(.?)")
_OLDEST = date(1000, 1, 1)


def mistake(date_format: str, *, reading: bool) -> str:
    """What is wrong with a date format, as the second half of a sentence; empty if nothing is."""
    letters = _DIRECTIVE.findall(date_format)
    unknown = [f"%{letter}" for letter in letters if letter not in _SHAPES]
    if unknown:
        return f"knows no {unknown[0]}; accepted are {DIRECTIVES}"
    if not letters:
        return f"holds no part of a date; accepted are {DIRECTIVES}"
    if len(letters) != len(set(letters)) or {"y", "Y"} <= set(letters):
        return "names one part of the date twice"
    if reading and not ({"d", "m"} <= set(letters) and {"y", "Y"} & set(letters)):
        return "needs a day, a month and a year: %d, %m and %Y (or %y)"
    if reading and "M" in letters and "H" not in letters:
        return "has minutes but no hours; add %H"
    if reading and "S" in letters and "M" not in letters:
        return "has seconds but no minutes; add %M"
    return ""


def time_parts(date_format: str) -> set[str]:
    """The parts of the time of day that a format names: H, M, S."""
    return set(_DIRECTIVE.findall(date_format)) & set("HMS")


def rewritten(cells: pl.Series, date_in: str, date_out: str) -> pl.Series:
    """Cells read as `date_in` and written as `date_out` (empty: as they were).

    UNREADABLE where a cell is not such a date or no day of the calendar; null stays null. Two-digit
    years pass only through %y, which means 1969 to 2068.
    """
    kind = pl.Datetime("us") if time_parts(date_in) else pl.Date()
    moments = cells.str.strptime(kind, date_in, strict=False)
    # chrono's parser takes short years, signs and inner blanks; the shape does not.
    good = cells.str.contains(f"^{_shape(date_in)}$") & (moments.dt.date() >= _OLDEST)
    written = moments.dt.strftime(date_out) if date_out else cells
    unread = pl.when(pl.lit(cells).is_not_null()).then(pl.lit(UNREADABLE))
    return pl.select(pl.when(good.fill_null(False)).then(written).otherwise(unread)).to_series()


def _shape(date_format: str) -> str:
    parts = _DIRECTIVE.split(date_format)
    pieces = [_SHAPES[p] if i % 2 else re.escape(p) for i, p in enumerate(parts)]
    return "".join(pieces)
