"""A client's file as frames of text: good records in chunks, each bad line by itself.

Memory is bounded by the chunk, not by the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tasks.records.frames import LINE, REJECTS
from tasks.records.reading.dialect import FileDialect
from tasks.records.reading.encoding import PIECE, line_blocks, utf8_pieces
from tasks.records.reading.exact_path import Block, ParsedBlock, parse_block


@dataclass(frozen=True)
class Chunk:
    """Consecutive records of a file: `records` counts the rows of `frame` and of `rejects`.

    `frame` holds LINE (Int64, the line on which the record starts) and one String column per
    column of the file, never null, an empty cell being empty text. `rejects` has schema REJECTS.
    """

    frame: pl.DataFrame
    rejects: pl.DataFrame
    records: int


def read_chunks(
    path: Path, dialect: FileDialect, *, rows_per_chunk: int = 20_000, block_bytes: int = PIECE
) -> Iterator[Chunk]:
    """Yield the records of the file, in its order, as chunks of at most `rows_per_chunk` rows.

    Lines without any character are no records and are skipped. A quoted cell may span lines; one
    that is never closed costs its own line only, and reading goes on with the next line. The file
    is read in blocks of `block_bytes`; the result does not depend on it.
    """
    gathered = _Gathered(dialect, rows_per_chunk)
    for outcome in _outcomes(path, dialect, block_bytes):
        gathered.add(outcome)
        yield from gathered.full()
    yield from gathered.rest()


def _outcomes(path: Path, dialect: FileDialect, block_bytes: int) -> Iterator[ParsedBlock]:
    """Judge the file block by block; lines that wait for more are carried into the next block."""
    pieces = utf8_pieces(path, dialect.encoding, bom=dialect.bom, size=block_bytes)
    line, skip = 1, dialect.header_lines if dialect.header else 0
    pending = b""
    for data, last in _with_last(line_blocks(pieces, dialect.max_line_bytes)):
        block = Block(pending + data, line, last=last)
        if skip:
            block, skipped = block.without(skip)
            skip -= skipped
        outcome = parse_block(block, dialect)
        yield outcome
        pending, line = block.data[outcome.consumed :], block.line + outcome.lines


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
class _Gathered:
    """Outcomes on their way to chunks."""

    dialect: FileDialect
    rows: int
    frames: list[pl.DataFrame] = field(default_factory=list)
    rejects: list[pl.DataFrame] = field(default_factory=list)

    def add(self, outcome: ParsedBlock) -> None:
        self.frames.append(outcome.frame)
        self.rejects.append(outcome.rejects)

    def full(self) -> Iterator[Chunk]:
        """Chunks as long as there are `rows` good rows or `rows` rejects; none holds more."""
        while self._height(self.frames) >= self.rows or self._height(self.rejects) >= self.rows:
            yield self._cut()

    def rest(self) -> Iterator[Chunk]:
        """The last chunk, if anything is left."""
        if self._height(self.frames) + self._height(self.rejects):
            yield self._cut()

    def _cut(self) -> Chunk:
        """All up to the line on which either part is full, so that chunks follow the file."""
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
    """The rows up to a line, and the others if there are any; all rows where there is no line."""
    rows = frame.height if until is None else frame[line].search_sorted(until, side="right")
    left = frame.slice(rows)
    return frame.head(rows), [left] if left.height else []
