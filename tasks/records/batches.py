"""Records cut into batches on disk: the unit that is sent, remembered and sent again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tasks.records.cells import by_itself
from tasks.records.destinations import Destination, destinations

PENDING_ROWS = 200_000
"""Records of batches not yet full that are held in memory at most; beyond, they go to disk."""

_SPILL_GROUP = 10_000
"""Rows of a row group of spill files: the least that is read for a slice."""


@dataclass(frozen=True)
class Batch:
    """Records of one destination (judged records, in the file's order).

    `number` counts from 1 in the order of sending, opt-outs first. The records are the `rows` rows
    from `start` on in the Parquet file `path`, which batches that follow each other may share.
    """

    number: int
    destination: Destination
    rows: int
    path: Path
    start: int = 0

    def records(self) -> pl.DataFrame:
        """Its own records alone."""
        return pl.scan_parquet(self.path).slice(self.start, self.rows).collect()


def shared_files(batches: Iterable[Batch]) -> Iterator[tuple[pl.DataFrame, list[Batch]]]:
    """The records of each file with those of `batches` that lie in it, in their order."""
    for path, here in groupby(batches, key=lambda batch: batch.path):
        yield pl.read_parquet(path), list(here)


def write_batches(
    parts: Iterable[pl.DataFrame],
    folder: Path,
    batch_size: int,
    *,
    pending_rows: int = PENDING_ROWS,
) -> list[Batch]:
    """Write judged records to `folder` as batches of at most `batch_size` records.

    The same records in the same order give the same batches, however they are cut into `parts`.
    Memory holds one part, `pending_rows` records and one batch, whatever the number of
    destinations. `folder` has to be empty or to hold only what this function wrote before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shelves = _Shelves(folder, batch_size, pending_rows)
    for part in parts:
        for destination, records in destinations(part):
            shelves.put(destination, records)
        shelves.make_room()
    return list(_numbered(shelves.close(), folder, batch_size))


def _numbered(
    written: dict[Destination, list[tuple[Path, int]]], folder: Path, batch_size: int
) -> Iterator[Batch]:
    number = 1
    for destination in sorted(written, key=lambda one: one.rank):
        for path, rows in written[destination]:
            path = path.rename(folder / f"{number:06}.parquet")
            for start in range(0, rows, batch_size):
                yield Batch(number, destination, min(batch_size, rows - start), path, start)
                number += 1


class _Place(NamedTuple):
    """Where a destination's records lie in a spill file."""

    start: int
    rows: int


class _Shelves:
    """One shelf per destination for what is not a full batch yet, in memory or on disk.

    A spill file holds destinations in the order of sending, so that a range of destinations is one
    slice of each file.
    """

    def __init__(self, folder: Path, batch_size: int, pending_rows: int) -> None:
        self._folder = folder
        self._batch_size = batch_size
        self._pending_rows = pending_rows
        self._pending = 0
        self._held: dict[Destination, list[pl.DataFrame]] = {}
        self._spills: list[Path] = []
        self._spilled: dict[Destination, dict[int, _Place]] = {}
        self._written: dict[Destination, list[tuple[Path, int]]] = {}
        self._files = 0

    def put(self, destination: Destination, records: pl.DataFrame) -> None:
        """Lay records on their shelf; full batches go to disk at once."""
        shelf = self._held.setdefault(destination, [])
        shelf.append(records)
        self._pending += records.height
        # Where earlier records lie in a spill file, a batch has to begin with those.
        if destination not in self._spilled and _height(shelf) >= self._batch_size:
            self._write(destination, last=False)

    def make_room(self) -> None:
        """Move everything that is held in memory to one file on disk if it is too much."""
        if self._pending > self._pending_rows:
            self._spill()

    def close(self) -> dict[Destination, list[tuple[Path, int]]]:
        """Write what is left on the shelves; return the files and their rows by destination.

        Only the last file of a destination ends with a batch that is not full.
        """
        if self._spilled:
            self._spill()
            for some in self._ranges():
                self._bring_back(some)
        for destination in list(self._held):
            self._write(destination, last=True)
        for path in self._spills:
            path.unlink()
        return self._written

    def _spill(self) -> None:
        path = self._folder / f"spill-{len(self._spills) + 1}.parquet"
        frames: list[pl.DataFrame] = []
        start = 0
        for destination in sorted(self._held, key=lambda one: one.rank):
            shelf = self._held[destination]
            place = _Place(start, _height(shelf))
            self._spilled.setdefault(destination, {})[len(self._spills)] = place
            frames += shelf
            start += place.rows
        if frames:
            pl.concat(frames).write_parquet(path, compression="lz4", row_group_size=_SPILL_GROUP)
            self._spills.append(path)
        self._held, self._pending = {}, 0

    def _ranges(self) -> Iterator[list[Destination]]:
        """Spilled destinations in the order of sending, as many at once as memory may hold."""
        some: list[Destination] = []
        rows = 0
        for destination in sorted(self._spilled, key=lambda one: one.rank):
            more = sum(place.rows for place in self._spilled[destination].values())
            if some and rows + more > self._pending_rows:
                yield some
                some, rows = [], 0
            some.append(destination)
            rows += more
        yield some

    def _bring_back(self, some: list[Destination]) -> None:
        """Make batches of a range of spilled destinations."""
        places = {destination: self._spilled.pop(destination) for destination in some}
        for number, path in enumerate(self._spills):
            here = {to: place[number] for to, place in places.items() if number in place}
            if not here:
                continue
            start = min(place.start for place in here.values())
            rows = sum(place.rows for place in here.values())
            records = pl.scan_parquet(path).slice(start, rows).collect()
            for destination, place in here.items():
                self.put(destination, records.slice(place.start - start, place.rows))
        for destination in some:
            if destination in self._held:
                self._write(destination, last=True)

    def _write(self, destination: Destination, *, last: bool) -> None:
        """Write a shelf's full batches as one file and, if it is the last time, what remains."""
        shelf = self._held.pop(destination)
        self._pending -= _height(shelf)
        records = pl.concat(shelf)
        rows = records.height if last else records.height - records.height % self._batch_size
        self._files += 1
        path = self._folder / f"unnumbered-{self._files}.parquet"
        records.head(rows).write_parquet(path, compression="lz4", statistics=False)
        self._written.setdefault(destination, []).append((path, rows))
        if rows < records.height:
            self._held[destination] = [by_itself(records.slice(rows))]
            self._pending += records.height - rows


def _height(frames: list[pl.DataFrame]) -> int:
    return sum(frame.height for frame in frames)
