"""Records cut into batches on disk: the unit that is sent, remembered and sent again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tasks.records.destinations import Destination, destinations

PENDING_ROWS = 200_000
"""Records of batches not yet full that are held in memory at most; beyond, they go to disk."""


@dataclass(frozen=True)
class Batch:
    """Records of one destination in a Parquet file (judged records, in the file's order).

    `number` counts from 1 in the order of sending, opt-outs first.
    """

    number: int
    destination: Destination
    rows: int
    path: Path


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
    shelves = _Shelves(folder, batch_size)
    for part in parts:
        for destination, records in destinations(part):
            shelves.put(destination, records)
        if shelves.pending > pending_rows:
            shelves.spill()
    return list(_numbered(shelves.close(), folder))


def _numbered(written: dict[Destination, list[tuple[Path, int]]], folder: Path) -> Iterator[Batch]:
    number = 0
    for destination in sorted(written, key=lambda one: one.rank):
        for path, rows in written[destination]:
            number += 1
            yield Batch(number, destination, rows, path.rename(folder / f"{number:06}.parquet"))


@dataclass(frozen=True)
class _Slice:
    """Records of one destination inside a spill file."""

    path: Path
    start: int
    rows: int

    def read(self) -> pl.DataFrame:
        return pl.scan_ipc(self.path).slice(self.start, self.rows).collect()


class _Shelves:
    """One shelf per destination with what is not a full batch yet, in memory or on disk."""

    def __init__(self, folder: Path, batch_size: int) -> None:
        self._folder = folder
        self._batch_size = batch_size
        self._shelves: dict[Destination, list[pl.DataFrame | _Slice]] = {}
        self._written: dict[Destination, list[tuple[Path, int]]] = {}
        self._files = 0
        self._spills: list[Path] = []
        self.pending = 0

    def put(self, destination: Destination, records: pl.DataFrame) -> None:
        """Lay records on their shelf; full batches go to disk at once."""
        shelf = self._shelves.setdefault(destination, [])
        shelf.append(records)
        self.pending += records.height
        if _height(shelf) >= self._batch_size:
            self._write_full(destination)

    def spill(self) -> None:
        """Move everything that is held in memory to one file on disk."""
        path = self._folder / f"spill-{len(self._spills)}.arrow"
        self._spills.append(path)
        frames: list[pl.DataFrame] = []
        start = 0
        for shelf in self._shelves.values():
            for place, item in enumerate(shelf):
                if isinstance(item, pl.DataFrame):
                    frames.append(item)
                    shelf[place] = _Slice(path, start, item.height)
                    start += item.height
        pl.concat(frames).write_ipc(path)
        self.pending = 0

    def close(self) -> dict[Destination, list[tuple[Path, int]]]:
        """Write what is left on the shelves; return the files and their rows by destination."""
        for destination in self._shelves:
            self._write_full(destination)
            self._write(destination, self._take(destination))
        for path in self._spills:
            path.unlink()
        return self._written

    def _write_full(self, destination: Destination) -> None:
        records = self._take(destination)
        full = records.height - records.height % self._batch_size
        for start in range(0, full, self._batch_size):
            self._write(destination, records.slice(start, self._batch_size))
        if full < records.height:
            # A copy, for a slice would keep the whole part in memory.
            self._shelves[destination] = [records.slice(full).clone().rechunk()]
            self.pending += records.height - full

    def _take(self, destination: Destination) -> pl.DataFrame:
        shelf = self._shelves[destination]
        self.pending -= sum(item.height for item in shelf if isinstance(item, pl.DataFrame))
        self._shelves[destination] = []
        frames = [item if isinstance(item, pl.DataFrame) else item.read() for item in shelf]
        return pl.concat(frames) if frames else pl.DataFrame()

    def _write(self, destination: Destination, records: pl.DataFrame) -> None:
        if records.is_empty():
            return
        self._files += 1
        path = self._folder / f"unnumbered-{self._files}.parquet"
        records.write_parquet(path, compression="lz4", statistics=False)
        self._written.setdefault(destination, []).append((path, records.height))


def _height(shelf: list[pl.DataFrame | _Slice]) -> int:
    return sum(item.height if isinstance(item, pl.DataFrame) else item.rows for item in shelf)
