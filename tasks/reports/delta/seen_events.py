"""Seen events: snapshots of the events of earlier extractions, without addresses.

Each row of the Parquet file says how many occurrences of an event were first seen at a time, so an
event whose count grew has several rows. Rows are sorted by part (the message of statistics and SMS
outcomes, the list of people) in row groups, so that one part can be read alone. Files are never
changed.
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
"""Rows per row group (about 3 MB), and in memory at once."""


def read_part(path: Path | None, part: int) -> pl.LazyFrame:
    """The seen events of one part (schema SEEN_EVENTS); empty without a snapshot.

    Read lazily, and only the row groups with the part.
    """
    if path is None:
        return pl.LazyFrame(schema=SEEN_EVENTS)
    return pl.scan_parquet(path, glob=False).filter(pl.col("part") == part)


def every_part(path: Path | None) -> Iterator[pl.DataFrame]:
    """Yield all rows of a snapshot in order, some at a time."""
    if path is None:
        return
    rows = pl.scan_parquet(path, glob=False)
    for start in range(0, rows.select(pl.len()).collect().item(), _ROWS_AT_ONCE):
        yield rows.slice(start, _ROWS_AT_ONCE).collect()


def write_seen(path: Path, *sources: Iterable[pl.DataFrame]) -> None:
    """Merge sources into a snapshot, with bounded memory.

    The next snapshot is `write_seen(path, every_part(old), added)`. The parts of each source must
    be in ascending order, else ValueError: the part could not be found again.
    """
    broken: list[ValueError] = []

    def frames(*_: object) -> Iterator[pl.DataFrame]:
        try:
            nothing: Iterator[pl.DataFrame] = iter(())
            yield from reduce(_merged, map(_ascending, sources), nothing)
        except ValueError as error:
            # polars would replace an error of its source by its own.
            broken.append(error)

    rows = register_io_source(frames, schema=SEEN_EVENTS)
    rows.sink_parquet(path, row_group_size=_ROWS_AT_ONCE)
    if broken:
        path.unlink()
        raise broken[0]


def _ascending(source: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the non-empty frames of a source; check their order."""
    last: int | None = None
    for frame in source:
        if frame.is_empty():
            continue
        first = frame.item(0, "part")
        if not frame["part"].is_sorted() or (last is not None and first < last):
            raise ValueError("The parts of a snapshot's source are not in ascending order.")
        last = frame.item(-1, "part")
        yield frame


def _merged(one: Iterator[pl.DataFrame], other: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Merge two ascending sources; no empty frames."""
    left, right = next(one, None), next(other, None)
    while left is not None and right is not None:
        limit = min(left.item(-1, "part"), right.item(-1, "part"))
        within = pl.col("part") <= limit
        yield pl.concat([left.filter(within), right.filter(within)]).sort(
            "part", maintain_order=True
        )
        left = _rest(left, one, within)
        right = _rest(right, other, within)
    for frame, source in ((left, one), (right, other)):
        if frame is not None:
            yield frame
        yield from source


def _rest(
    frame: pl.DataFrame, source: Iterator[pl.DataFrame], within: pl.Expr
) -> pl.DataFrame | None:
    """The remaining rows of a frame, or the next one; None at the end of the source."""
    rest = frame.filter(~within)
    return rest if rest.height else next(source, None)
