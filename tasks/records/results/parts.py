"""Folders of Parquet parts, for rejects and skipped records while a file is read.

They are on disk so that memory does not grow with their number.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl


class Parts:
    """A folder to which frames are added one by one; empty frames are not written."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder, self._next = folder, 1

    def add(self, frame: pl.DataFrame) -> None:
        """Write a frame as the next part."""
        if frame.height:
            frame.write_parquet(self.folder / f"{self._next:06d}.parquet", compression="lz4")
            self._next += 1


def part_paths(folder: Path | None) -> list[Path]:
    """The files of a folder of parts, in the order in which they were added."""
    return sorted(folder.glob("*.parquet")) if folder else []


def read_parts(folder: Path | None) -> Iterator[pl.DataFrame]:
    """The frames of a folder of parts, in the order in which they were added."""
    yield from map(pl.read_parquet, part_paths(folder))
