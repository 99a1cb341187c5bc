"""Finds texts in a sample that mean an empty cell, such as NULL or 0000-00-00."""

from collections.abc import Sequence

import polars as pl

from tasks.records.frames import LINE
from tasks.records.mapping.marks import without_blanks

KNOWN = frozenset(
    (
        "null", "\\n", "(null)", "n/a", "#n/a", "nan", "n.d.", "undefined", "-", "--", "0000-00-00",
        "0000-00-0000:00:00", "00/00/0000", "0/0/00", "0/0/0000", "00.00.0000", "00-00-0000",
        "-0001-11-3000:00:00",
    )
)  # fmt: skip
"""In lower case, without white space; no name and no value is written so."""


def blank_texts(frame: pl.DataFrame, columns: Sequence[str]) -> dict[str, int]:
    """The known texts in these columns as they are written, each with its number."""
    cells = pl.concat([frame[name].alias("cell") for name in columns]) if columns else None
    if cells is None:
        return {}
    found = cells.filter(_is_known(cells)).str.strip_chars().value_counts(sort=True, name="times")
    counted: dict[str, int] = {}
    for text, times in found.iter_rows():
        bare = without_blanks(text)
        written = next((each for each in counted if without_blanks(each) == bare), text)
        counted[written] = counted.get(written, 0) + times
    return counted


def without_blank_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """The cells of a sample, with empty ones in place of these texts."""
    columns = [name for name in frame.columns if name != LINE]
    return frame.with_columns(
        pl.Series(name, frame[name].set(_is_known(frame[name]), "")) for name in columns
    )


def _is_known(cells: pl.Series) -> pl.Series:
    return cells.str.replace_all(r"\s", "").str.to_lowercase().is_in(list(KNOWN))
