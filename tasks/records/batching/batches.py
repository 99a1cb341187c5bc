"""Records cut into batches on disk: the unit that is sent, remembered and sent again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tasks.records.batching.destinations import Destination, destinations

GRANTED_AT_ONCE = 25
"""Most people whom a grant subscribes in one batch: each is looked up before it, and after it."""
PENDING_ROWS = 200_000
"""Records of batches not yet full that are held in memory at most; beyond, they go to disk."""

_SPILL_GROUP = 10_000
"""Rows of a row group of spill files: the least that is read for a slice."""


class Piece(NamedTuple):
    """So many `rows` of the Parquet file `path`, from row `start` on."""

    path: Path
    start: int
    rows: int


@dataclass(frozen=True)
class Batch:
    """Records of one destination (judged records, in the file's order).

    `number` counts from 1 in the order of sending, opt-outs first. The records are those of
    `pieces`; batches that follow each other share files.
    """

    number: int
    destination: Destination
    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        """How many records it has."""
        return sum(piece.rows for piece in self.pieces)

    def records(self) -> pl.DataFrame:
        """Its own records alone."""
        return pl.concat(
            pl.scan_parquet(path).slice(start, rows).collect() for path, start, rows in self.pieces
        )


@dataclass(frozen=True)
class StoredRecords:
    """Judged records of one destination that lie in a Parquet file of their own."""

    destination: Destination
    path: Path
    rows: int


def write_batches(
    parts: Iterable[pl.DataFrame | StoredRecords],
    folder: Path,
    batch_size: int,
    *,
    pending_rows: int = PENDING_ROWS,
) -> list[Batch]:
    """Write judged records to `folder` as batches of at most `batch_size` records, or of
    GRANTED_AT_ONCE where a grant subscribes people.

    The same records in the same order give the same batches, however they are cut into `parts`.
    What is laid down already is moved, not written again. Memory holds one part and `pending_rows`
    records, whatever the number of destinations. `folder` has to be empty or to hold only what
    this function wrote before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    buffers = _BatchBuffers(folder, batch_size, pending_rows)
    for part in parts:
        if isinstance(part, StoredRecords):
            buffers.take(part)
        else:
            for destination, records in destinations(part):
                buffers.put(destination, records)
        buffers.make_room()
    return list(_numbered(buffers.close(), batch_size))


def _numbered(written: dict[Destination, list[Piece]], batch_size: int) -> Iterator[Batch]:
    number = 1
    for destination in sorted(written, key=lambda one: one.rank):
        granted = destination.import_type == "optin"
        most = min(batch_size, GRANTED_AT_ONCE) if granted else batch_size
        for pieces in _cut(written[destination], most):
            yield Batch(number, destination, pieces)
            number += 1


def _cut(files: Iterable[Piece], batch_size: int) -> Iterator[tuple[Piece, ...]]:
    """Pieces of files that follow each other, `batch_size` rows together but for the last."""
    pieces: list[Piece] = []
    wanted = batch_size
    for path, start, rows in files:
        while rows:
            taken = min(rows, wanted)
            pieces.append(Piece(path, start, taken))
            start, rows, wanted = start + taken, rows - taken, wanted - taken
            if not wanted:
                yield tuple(pieces)
                pieces, wanted = [], batch_size
    if pieces:
        yield tuple(pieces)


class _Place(NamedTuple):
    """Where a destination's records lie in a spill file."""

    start: int
    rows: int


class _BatchBuffers:
    """One buffer per destination for what is not a full batch yet, in memory or on disk.

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
        self._written: dict[Destination, list[Piece]] = {}
        self._files = 0

    def put(self, destination: Destination, records: pl.DataFrame) -> None:
        """Lay records on their buffer; as many as fill a batch go to disk at once."""
        buffer = self._held.setdefault(destination, [])
        buffer.append(records)
        self._pending += records.height
        # Where earlier records lie in a spill file, a batch has to begin with those.
        if destination not in self._spilled and _height(buffer) >= self._batch_size:
            self._write(destination)

    def take(self, laid: StoredRecords) -> None:
        """Put a file's records behind those of their buffer; the file is moved where that does."""
        if laid.destination in self._spilled:
            self.put(laid.destination, pl.read_parquet(laid.path))
            laid.path.unlink()
            return
        if laid.destination in self._held:
            self._write(laid.destination)
        self._file(laid.destination, laid.path.rename(self._next_path()), laid.rows)

    def make_room(self) -> None:
        """Move everything that is held in memory to one file on disk if it is too much."""
        if self._pending > self._pending_rows:
            self._spill()

    def close(self) -> dict[Destination, list[Piece]]:
        """Write what is left on the buffers; return the files of each destination, in order."""
        if self._spilled:
            self._spill()
            for some in self._ranges():
                self._bring_back(some)
        for destination in list(self._held):
            self._write(destination)
        for path in self._spills:
            path.unlink()
        return self._written

    def _spill(self) -> None:
        path = self._folder / f"spill-{len(self._spills) + 1}.parquet"
        frames: list[pl.DataFrame] = []
        start = 0
        for destination in sorted(self._held, key=lambda one: one.rank):
            buffer = self._held[destination]
            place = _Place(start, _height(buffer))
            self._spilled.setdefault(destination, {})[len(self._spills)] = place
            frames += buffer
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
                self._write(destination)

    def _write(self, destination: Destination) -> None:
        """Write what lies on a buffer as one file."""
        records = pl.concat(self._held.pop(destination))
        self._pending -= records.height
        path = self._next_path()
        records.write_parquet(path, compression="lz4", statistics=False)
        self._file(destination, path, records.height)

    def _next_path(self) -> Path:
        self._files += 1
        return self._folder / f"{self._files:06}.parquet"

    def _file(self, destination: Destination, path: Path, rows: int) -> None:
        self._written.setdefault(destination, []).append(Piece(path, 0, rows))


def _height(frames: list[pl.DataFrame]) -> int:
    return sum(frame.height for frame in frames)
