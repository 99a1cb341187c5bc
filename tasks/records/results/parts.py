"""Records that are not sent and are no rejects either: duplicates and those that consent blocks.

Rejects and these are kept as Parquet parts in the scratch folder while a file is read, so that
memory does not grow with them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from tasks.records.reading.dialect import FileDialect
from tasks.records.results.reasons import Language, sentence

SKIPPED: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "reason": pl.String(),
    "instead": pl.Int64(),
}
"""Schema of skipped records: the line, a code of `REASONS`, and the line that counts instead
(null where there is none). No value of the record."""


class Parts:
    """A folder to which frames are added one by one; empty frames leave nothing."""

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


def write_skipped(
    path: Path, skipped: Iterable[pl.DataFrame], dialect: FileDialect, language: Language
) -> None:
    """Write skipped records as CSV in UTF-8, with the client's separator: line, reason, instead."""
    with path.open("wb") as handle:
        handle.write(
            f"line{dialect.separator}reason{dialect.separator}line_that_counts\r\n".encode()
        )
        for frame in skipped:
            codes = frame["reason"].unique().to_list()
            sentences = {code: sentence(code, language) for code in codes}
            frame.with_columns(pl.col("reason").replace_strict(sentences)).write_csv(
                handle, include_header=False, separator=dialect.separator, line_terminator="\r\n"
            )
