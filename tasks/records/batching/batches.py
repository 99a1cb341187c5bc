"""Splits records into batches on disk; a batch is the unit of sending and of retry."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tasks.records.batching.destinations import Destination, destinations, has_several_groups
from tasks.records.frames import BETWEEN_GROUPS, LINE

GRANTED_AT_ONCE = 25
"""Maximum size of a batch with a grant: each person is looked up before and after sending."""
PENDING_ROWS = 200_000
"""Maximum number of records in memory that are not yet in a full batch."""

_SPLIT_AT_ONCE = 2_000
"""Records with several groups that are split at once, for each may become many."""
_SPILL_GROUP = 10_000
"""Rows per row group of a spill file: the minimum that is read for a slice."""


class Piece(NamedTuple):
    """`rows` rows of the Parquet file `path`, from row `start` on."""

    path: Path
    start: int
    rows: int


@dataclass(frozen=True)
class Batch:
    """Records of one destination, in the file's order.

    `number` counts from 1 in the order of sending, opt-outs first. The records are in `pieces`;
    consecutive batches may share files.
    """

    number: int
    destination: Destination
    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        """Number of records."""
        return sum(piece.rows for piece in self.pieces)

    def records(self, *columns: str) -> pl.DataFrame:
        """Load the records; with `columns`, those columns alone."""
        chosen = pl.col(*columns) if columns else pl.all()
        return pl.concat(
            pl.scan_parquet(path).slice(start, rows).select(chosen).collect()
            for path, start, rows in self.pieces
        )

    def new_records(self, *columns: str) -> pl.DataFrame:
        """Load the records that no earlier batch has; with `columns`, those columns alone.

        A record for several groups is in a batch of each; its groups are in the order of sending.
        """
        group = self.destination.group
        if group is None:
            return self.records(*columns)
        records = self.records(*dict.fromkeys([*columns, "group"] if columns else []))
        first = pl.col("group").str.split(BETWEEN_GROUPS).list.first()
        return records.filter(first == group).select(columns or pl.all())


def repetitions_of(batches: Iterable[Batch], lines: Collection[int]) -> int:
    """How many times the records of `lines` are repeated in batches of further groups."""
    if not lines:
        return 0
    chosen = pl.col(LINE).is_in(list(lines))
    return sum(
        each.records(LINE).filter(chosen).height - each.new_records(LINE).filter(chosen).height
        for each in batches
        if each.destination.group
    )


@dataclass(frozen=True)
class StoredRecords:
    """A Parquet file with records of one destination."""

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
    """Write records to `folder` as batches of at most `batch_size` records (opt-ins: at most
    GRANTED_AT_ONCE).

    The same records in the same order give the same batches, however they are split into `parts`.
    Stored records are moved, not written again. Memory is bounded by one part and `pending_rows`
    records. `folder` must be empty or contain only files of this function.
    """
    folder.mkdir(parents=True, exist_ok=True)
    buffers = _BatchBuffers(folder, batch_size, pending_rows)
    for part in parts:
        if isinstance(part, StoredRecords):
            buffers.add_file(part)
        else:
            for some in part.iter_slices(_SPLIT_AT_ONCE) if has_several_groups(part) else [part]:
                for destination, records in destinations(some):
                    buffers.add(destination, records)
                buffers.spill_if_full()
        buffers.spill_if_full()
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
    """Group consecutive files into batches of `batch_size` rows; the last may be smaller."""
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


class _Slice(NamedTuple):
    """The rows of a destination in a spill file."""

    start: int
    rows: int


class _BatchBuffers:
    """One buffer per destination for incomplete batches, in memory or on disk.

    A spill file has destinations in the order of sending, so a range of destinations is one slice
    of each file.
    """

    def __init__(self, folder: Path, batch_size: int, pending_rows: int) -> None:
        self._folder = folder
        self._batch_size = batch_size
        self._pending_rows = pending_rows
        self._pending = 0
        self._held: dict[Destination, list[pl.DataFrame]] = {}
        self._spills: list[Path] = []
        self._spilled: dict[Destination, dict[int, _Slice]] = {}
        self._written: dict[Destination, list[Piece]] = {}
        self._files = 0

    def add(self, destination: Destination, records: pl.DataFrame) -> None:
        """Add records to their buffer; write it when it fills a batch."""
        buffer = self._held.setdefault(destination, [])
        buffer.append(records)
        self._pending += records.height
        # If earlier records are in a spill file, a batch has to start with those.
        if destination not in self._spilled and _height(buffer) >= self._batch_size:
            self._write(destination)

    def add_file(self, stored: StoredRecords) -> None:
        """Add the records of a file after those of their buffer; move the file if possible."""
        if stored.destination in self._spilled:
            self.add(stored.destination, pl.read_parquet(stored.path))
            stored.path.unlink()
            return
        if stored.destination in self._held:
            self._write(stored.destination)
        self._record(stored.destination, stored.path.rename(self._next_path()), stored.rows)

    def spill_if_full(self) -> None:
        """Move all buffers from memory to one file on disk if they have too many records."""
        if self._pending > self._pending_rows:
            self._spill()

    def close(self) -> dict[Destination, list[Piece]]:
        """Write the remaining records; return the files of each destination, in order."""
        if self._spilled:
            self._spill()
            for some in self._ranges():
                self._unspill(some)
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
            place = _Slice(start, _height(buffer))
            self._spilled.setdefault(destination, {})[len(self._spills)] = place
            frames += buffer
            start += place.rows
        if frames:
            pl.concat(frames).write_parquet(path, compression="lz4", row_group_size=_SPILL_GROUP)
            self._spills.append(path)
        self._held, self._pending = {}, 0

    def _ranges(self) -> Iterator[list[Destination]]:
        """Spilled destinations in the order of sending, in groups that fit in memory."""
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

    def _unspill(self, some: list[Destination]) -> None:
        """Write the files of a range of spilled destinations."""
        slices = {destination: self._spilled.pop(destination) for destination in some}
        for number, path in enumerate(self._spills):
            here = {to: each[number] for to, each in slices.items() if number in each}
            if not here:
                continue
            start = min(place.start for place in here.values())
            rows = sum(place.rows for place in here.values())
            records = pl.scan_parquet(path).slice(start, rows).collect()
            for destination, place in here.items():
                self.add(destination, records.slice(place.start - start, place.rows))
        for destination in some:
            if destination in self._held:
                self._write(destination)

    def _write(self, destination: Destination) -> None:
        """Write a buffer as one file."""
        records = pl.concat(self._held.pop(destination))
        self._pending -= records.height
        path = self._next_path()
        records.write_parquet(path, compression="lz4", statistics=False)
        self._record(destination, path, records.height)

    def _next_path(self) -> Path:
        self._files += 1
        return self._folder / f"{self._files:06}.parquet"

    def _record(self, destination: Destination, path: Path, rows: int) -> None:
        self._written.setdefault(destination, []).append(Piece(path, 0, rows))


def _height(frames: list[pl.DataFrame]) -> int:
    return sum(frame.height for frame in frames)
