"""Spool: rows stored in a run's scratch folder page by page, and read again in slices.

A slice contains all rows of each of its people. So rows can be processed per person, slice by
slice, with bounded memory.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from shutil import rmtree

import polars as pl

from tasks.reports.rows import RowKind

FILE_ROWS = 50_000
"""Rows per file, and in memory for the next one."""

HELD_ROWS = 100_000
"""Rows in memory before the first file is written; most messages never need one."""

SLICE_ROWS = 75_000
"""Occurrences per slice, unless one person has more."""

MOST_SLICES = 1_000
"""Maximum number of slices; beyond 75 million occurrences they get larger."""

LARGEST_COUNT = 100_000
"""Maximum number of occurrences per row; more is not caused by a person."""


class RowSpool:
    """Stored frames of one schema: up to `held` rows in memory, more in Parquet files of its own
    folder, written `rows_at_once` at a time."""

    def __init__(self, folder: Path, *, rows_at_once: int = FILE_ROWS, held: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=False)
        self._folder = folder
        self._rows_at_once = rows_at_once
        self._held = held
        self._waiting: list[pl.DataFrame] = []
        self._files: list[Path] = []
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame."""
        self.rows += frame.height
        self._waiting.append(frame)
        waiting = sum(each.height for each in self._waiting)
        if waiting >= self._rows_at_once and self.rows > self._held:
            self.flush()

    def flush(self) -> None:
        """Write the rows in memory; for a spool that is not used while others are filled."""
        if not self._waiting:
            return
        for rows in pl.concat(self._waiting).iter_slices(FILE_ROWS):
            path = self._folder / f"{len(self._files):06}.parquet"
            rows.write_parquet(path, compression="lz4", statistics=False)
            self._files.append(path)
        self._waiting = []

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield all rows in order; can be repeated."""
        if self._files:
            self.flush()
        for path in list(self._files):
            yield pl.read_parquet(path, glob=False)
        yield from list(self._waiting)

    def slices(self, kind: RowKind) -> Iterator[pl.DataFrame]:
        """Yield all rows in slices, each with all rows of its people, in order.

        A slice has about SLICE_ROWS occurrences, more only if one person has more.
        """
        partitions = min(-(-self._occurrences(kind) // SLICE_ROWS), MOST_SLICES)
        if partitions > 1:
            split = self._partitions if self._files else self._held_partitions
            yield from split(kind, partitions)
        elif self.rows:
            yield pl.concat(self.frames())

    def remove(self) -> None:
        """Delete the files."""
        rmtree(self._folder)

    def _occurrences(self, kind: RowKind) -> int:
        """Number of occurrences of all rows."""
        if not kind.counts:
            return self.rows
        read = (pl.read_parquet(path, columns=["count"], glob=False) for path in self._files)
        counts = (frame["count"].fill_null(1) for frame in chain(read, self._waiting))
        return sum(int(each.clip(1, LARGEST_COUNT).sum()) for each in counts)

    def _held_partitions(self, kind: RowKind, partitions: int) -> Iterator[pl.DataFrame]:
        rows = pl.concat(self._waiting)
        partition = rows.select(_partition(kind, rows, partitions)).to_series()
        yield from filter(len, (rows.filter(partition == number) for number in range(partitions)))

    def _partitions(self, kind: RowKind, partitions: int) -> Iterator[pl.DataFrame]:
        at_once = HELD_ROWS // partitions
        spools = [
            RowSpool(self._folder / f"partition-{n}", rows_at_once=at_once)
            for n in range(partitions)
        ]
        for frame in self.frames():
            rows = frame.with_columns(_partition(kind, frame, partitions))
            split = rows.partition_by("partition", as_dict=True, include_key=False)
            for (number,), rows in split.items():
                spools[number].add(rows)
        for spool in spools:
            if spool.rows:
                yield pl.concat(spool.frames())
            spool.remove()


def _partition(kind: RowKind, rows: pl.DataFrame, partitions: int) -> pl.Expr:
    """Partition number of each row; the same for all rows of one person."""
    return (kind.person_key(rows).hash() % partitions).alias("partition")
