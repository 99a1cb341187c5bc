"""Strict parsing of dates, and formatting for MailUp's field."""

from datetime import date

import polars as pl

from tasks.files.date_formats import pattern, time_parts
from tasks.records.mapping.cells import UNREADABLE

_OLDEST = date(1000, 1, 1)


def rewritten(cells: pl.Series, date_in: str, date_out: str) -> pl.Series:
    """Parse cells as `date_in` and format them as `date_out` (empty: unchanged).

    UNREADABLE if a cell does not match or is no calendar day; null stays null. Two-digit years
    need %y, which means 1969 to 2068.
    """
    kind = pl.Datetime("us") if time_parts(date_in) else pl.Date()
    moments = cells.str.strptime(kind, date_in, strict=False)
    # chrono's parser accepts short years, signs and inner blanks; the pattern does not.
    good = cells.str.contains(f"^{pattern(date_in)}$") & (moments.dt.date() >= _OLDEST)
    written = moments.dt.strftime(date_out) if date_out else cells
    unread = pl.when(pl.lit(cells).is_not_null()).then(pl.lit(UNREADABLE))
    return pl.select(pl.when(good.fill_null(False)).then(written).otherwise(unread)).to_series()
