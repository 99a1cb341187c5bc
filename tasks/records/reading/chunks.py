"""Reads a file as chunks: frames of text with the good records, and rejects.

Memory is bounded by the chunk, not by the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from tasks.records.frames import LINE, REJECTS
from tasks.records.reading.dialect import FileDialect
from tasks.records.reading.encoding import PIECE, line_blocks, utf8_pieces
from tasks.records.reading.exact_path import Block, ParsedBlock, parse_block

Around = Literal["line_above", "line_below"]
"""Codes of `REASONS` for lines that are no records."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive records of a file: `records` counts the rows of `frame` and of `rejects`.

    `frame` has LINE (Int64, the line on which the record starts) and one String column per column
    of the file; an empty cell is empty text, never null. `rejects` has schema REJECTS.
    `around`: lines above and below the table, which are not records.
    """

    frame: pl.DataFrame
    rejects: pl.DataFrame
    records: int
    around: tuple[tuple[int, Around], ...] = ()


def read_chunks(
    path: Path, dialect: FileDialect, *, rows_per_chunk: int = 20_000, block_bytes: int = PIECE
) -> Iterator[Chunk]:
    """Yield the records of the file, in order, as chunks of at most `rows_per_chunk` rows.

    Lines with nothing but blanks, separators and empty quotes are not records and are skipped. A
    quoted cell may span lines; if it is never closed, only its first line is rejected. The result
    does not depend on `block_bytes`, the size of a read.
    """
    builder, after = _ChunkBuilder(dialect, rows_per_chunk), 1
    for parsed, after in _parsed_blocks(path, dialect, block_bytes):  # noqa: B007
        builder.add(parsed)
        yield from builder.full()
    yield from builder.rest(after)


def _parsed_blocks(
    path: Path, dialect: FileDialect, block_bytes: int
) -> Iterator[tuple[ParsedBlock, int]]:
    """Parse the file block by block; yield each with the number of the line after it.

    Lines of an incomplete record go to the next block.
    """
    pieces = utf8_pieces(
        path, dialect.encoding, bom=dialect.bom, size=block_bytes, without=dialect.bytes_below
    )
    line, skip = 1, dialect.header_lines
    pending = b""
    for data, last in _with_last(line_blocks(pieces, dialect.max_line_bytes)):
        block = Block(pending + data, line, last=last)
        if skip:
            block, skipped = block.without(skip)
            skip -= skipped
        parsed = parse_block(block, dialect)
        pending, line = block.data[parsed.consumed :], block.line + parsed.lines
        yield parsed, line


def _with_last(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each block with whether it is the last one."""
    previous = next(blocks, None)
    for block in blocks:
        if previous is not None:
            yield previous, False
        previous = block
    if previous is not None:
        yield previous, True


@dataclass
class _ChunkBuilder:
    """Joins parsed blocks and cuts them into chunks."""

    dialect: FileDialect
    rows: int
    frames: list[pl.DataFrame] = field(default_factory=list)
    rejects: list[pl.DataFrame] = field(default_factory=list)

    def add(self, parsed: ParsedBlock) -> None:
        self.frames.append(parsed.frame)
        self.rejects.append(parsed.rejects)

    def full(self) -> Iterator[Chunk]:
        """Yield chunks while there are `rows` good rows or `rows` rejects; none has more."""
        while self._height(self.frames) >= self.rows or self._height(self.rejects) >= self.rows:
            yield self._cut()

    def rest(self, after: int) -> Iterator[Chunk]:
        """The last chunk, if anything is left; `after`: number of the line after the table."""
        above: list[tuple[int, Around]] = [(line, "line_above") for line in self.dialect.above]
        below: list[tuple[int, Around]] = [
            (after + place, "line_below") for place in self.dialect.below
        ]
        around = (*above, *below)
        if self._height(self.frames) + self._height(self.rejects) or around:
            yield replace(self._cut(), around=around)

    def _cut(self) -> Chunk:
        """Take everything up to the line on which either part is full, so that order is kept."""
        columns = {LINE: pl.Int64(), **{name: pl.String() for name in self.dialect.columns}}
        good = pl.concat([pl.DataFrame(schema=columns), *self.frames])
        bad = pl.concat([pl.DataFrame(schema=REJECTS), *self.rejects])
        full = (lines for lines in (good[LINE], bad["line"]) if len(lines) >= self.rows)
        until = min((lines[self.rows - 1] for lines in full), default=None)
        frame, self.frames = _split(good, LINE, until)
        rejects, self.rejects = _split(bad, "line", until)
        return Chunk(frame, rejects, frame.height + rejects.height)

    @staticmethod
    def _height(parts: list[pl.DataFrame]) -> int:
        return sum(part.height for part in parts)


def _split(
    frame: pl.DataFrame, line: str, until: int | None
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Split into the rows up to a line (None: all rows) and the remaining rows, if any."""
    rows = frame.height if until is None else frame[line].search_sorted(until, side="right")
    left = frame.slice(rows)
    return frame.head(rows), [left] if left.height else []
