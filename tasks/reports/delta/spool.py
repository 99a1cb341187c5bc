"""Rows on their way through a run's scratch folder: put aside page by page, read again in slices.

A slice holds all rows of each of its people, so that what is decided person by person can be
decided slice by slice, in memory that does not grow with the number of rows.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from shutil import rmtree

import polars as pl

from tasks.reports.rows import RowKind

FILE_ROWS = 50_000
"""Rows of a file, and rows that wait in memory for the next one."""

HELD_ROWS = 100_000
"""Rows that wait in memory before there is a file: those of most messages never need one."""

SLICE_ROWS = 75_000
"""Occurrences that a slice stands for, unless one person has more."""

MOST_SLICES = 1_000
"""Beyond 75 million occurrences of one part, slices get larger instead of more."""

LARGEST_COUNT = 100_000
"""Occurrences of one row that are believed; more than that is no person."""


class RowSpool:
    """Frames of one schema, put aside: up to `held` rows in memory, more of them in Parquet files
    of a folder of their own, `rows_at_once` at a time."""

    def __init__(self, folder: Path, *, rows_at_once: int = FILE_ROWS, held: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=False)
        self._folder = folder
        self._rows_at_once = rows_at_once
        self._held = held
        self._waiting: list[pl.DataFrame] = []
        self._files: list[Path] = []
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Put the rows of a frame behind those that are here."""
        self.rows += frame.height
        self._waiting.append(frame)
        waiting = sum(each.height for each in self._waiting)
        if waiting >= self._rows_at_once and self.rows > self._held:
            self.flush()

    def flush(self) -> None:
        """Write what waits in memory; for a spool that is left alone while others are filled."""
        if not self._waiting:
            return
        for rows in pl.concat(self._waiting).iter_slices(FILE_ROWS):
            path = self._folder / f"{len(self._files):06}.parquet"
            rows.write_parquet(path, compression="lz4", statistics=False)
            self._files.append(path)
        self._waiting = []

    def frames(self) -> Iterator[pl.DataFrame]:
        """All rows in the order in which they came; can be walked again."""
        if self._files:
            self.flush()
        for path in list(self._files):
            yield pl.read_parquet(path, glob=False)
        yield from list(self._waiting)

    def slices(self, kind: RowKind) -> Iterator[pl.DataFrame]:
        """All rows, cut so that one person's rows are in one slice, in their order.

        A slice stands for about SLICE_ROWS occurrences, more only where one person has more.
        """
        shares = min(-(-self._occurrences(kind) // SLICE_ROWS), MOST_SLICES)
        if shares > 1:
            yield from (
                self._shares(kind, shares) if self._files else self._held_shares(kind, shares)
            )
        elif self.rows:
            yield pl.concat(self.frames())

    def remove(self) -> None:
        """Delete the files."""
        rmtree(self._folder)

    def _occurrences(self, kind: RowKind) -> int:
        """What the rows stand for together."""
        if not kind.counts:
            return self.rows
        read = (pl.read_parquet(path, columns=["count"], glob=False) for path in self._files)
        counts = (frame["count"].fill_null(1) for frame in chain(read, self._waiting))
        return sum(int(each.clip(1, LARGEST_COUNT).sum()) for each in counts)

    def _held_shares(self, kind: RowKind, shares: int) -> Iterator[pl.DataFrame]:
        rows = pl.concat(self._waiting)
        share = rows.select(_share(kind, rows, shares)).to_series()
        yield from filter(len, (rows.filter(share == number) for number in range(shares)))

    def _shares(self, kind: RowKind, shares: int) -> Iterator[pl.DataFrame]:
        at_once = HELD_ROWS // shares
        spools = [
            RowSpool(self._folder / f"share-{n}", rows_at_once=at_once) for n in range(shares)
        ]
        for frame in self.frames():
            told = frame.with_columns(_share(kind, frame, shares))
            split = told.partition_by("share", as_dict=True, include_key=False)
            for (number,), rows in split.items():
                spools[number].add(rows)
        for spool in spools:
            if spool.rows:
                yield pl.concat(spool.frames())
            spool.remove()


def _share(kind: RowKind, rows: pl.DataFrame, shares: int) -> pl.Expr:
    """In which of so many shares each row is: the same for all rows of one person."""
    return (kind.whose(rows).hash() % shares).alias("share")
