"""What earlier extractions saw: Parquet files of event keys, without any address.

A row says how many occurrences of an event were first seen at one moment, so an event has several
rows when it grew. Rows are sorted by part (the message of statistics and SMS outcomes, the list of
people) and cut into row groups, so that one part is read alone. Files are written once.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from tasks.reports.rows import MOMENT, Schema

SEEN_EVENTS: Schema = {
    "part": pl.Int64(),
    "key": pl.Binary(),
    "seen_at": MOMENT,
    "count": pl.UInt32(),
}

_ROWS_AT_ONCE = 100_000
"""Rows of a row group (about 3 MB), and rows that are in memory at once."""


def read_part(path: Path | None, part: int) -> pl.LazyFrame:
    """What is known of one part (schema SNAPSHOT); nothing without a snapshot.

    It is read when it is used, and only the row groups that hold the part.
    """
    if path is None:
        return pl.LazyFrame(schema=SEEN_EVENTS)
    return pl.scan_parquet(path, glob=False).filter(pl.col("part") == part)


def every_part(path: Path | None) -> Iterator[pl.DataFrame]:
    """All rows of a snapshot in their order, some at a time."""
    if path is None:
        return
    rows = pl.scan_parquet(path, glob=False)
    for start in range(0, rows.select(pl.len()).collect().item(), _ROWS_AT_ONCE):
        yield rows.slice(start, _ROWS_AT_ONCE).collect()


def write_seen(path: Path, *sources: Iterable[pl.DataFrame]) -> None:
    """Write a snapshot of all rows of the sources, never more than some of them in memory.

    The next snapshot is `write(path, every_part(old), added)`. In each source the parts ascend;
    ValueError where they do not, since such a part could not be found again.
    """
    broken: list[ValueError] = []

    def frames(*_: object) -> Iterator[pl.DataFrame]:
        try:
            nothing: Iterator[pl.DataFrame] = iter(())
            yield from reduce(_merged, map(_ascending, sources), nothing)
        except ValueError as error:
            # polars shows an error of its source as one of its own.
            broken.append(error)

    rows = register_io_source(frames, schema=SEEN_EVENTS)
    rows.sink_parquet(path, row_group_size=_ROWS_AT_ONCE)
    if broken:
        path.unlink()
        raise broken[0]


def _ascending(source: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames of a source that hold rows."""
    last: int | None = None
    for frame in source:
        if frame.is_empty():
            continue
        first = frame.item(0, "part")
        if not frame["part"].is_sorted() or (last is not None and first < last):
            raise ValueError("The parts of a snapshot's source do not ascend.")
        last = frame.item(-1, "part")
        yield frame


def _merged(one: Iterator[pl.DataFrame], other: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Both sources as one, ascending as well; no empty frames."""
    left, right = next(one, None), next(other, None)
    while left is not None and right is not None:
        limit = min(left.item(-1, "part"), right.item(-1, "part"))
        due = pl.col("part") <= limit
        yield pl.concat([left.filter(due), right.filter(due)]).sort("part", maintain_order=True)
        left = _rest(left, one, due)
        right = _rest(right, other, due)
    for frame, source in ((left, one), (right, other)):
        if frame is not None:
            yield frame
        yield from source


def _rest(frame: pl.DataFrame, source: Iterator[pl.DataFrame], due: pl.Expr) -> pl.DataFrame | None:
    """What is left of a frame, or the next one; None at the end of its source."""
    left = frame.filter(~due)
    return left if left.height else next(source, None)
