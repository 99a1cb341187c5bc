"""A client's file as frames of text: good records in chunks, each bad line by itself.

Memory is bounded by the chunk, not by the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tasks.records.dialect import FileDialect
from tasks.records.encoding import PIECE, utf8_pieces
from tasks.records.line_blocks import line_blocks
from tasks.records.outcome import Block, Outcome, judge
from tasks.records.verdict import LINE, REJECTS


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
    path: Path, dialect: FileDialect, *, rows_per_chunk: int = 25_000, block_bytes: int = PIECE
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


def _outcomes(path: Path, dialect: FileDialect, block_bytes: int) -> Iterator[Outcome]:
    """Judge the file block by block; lines that wait for more are carried into the next block."""
    pieces = utf8_pieces(path, dialect.encoding, bom=dialect.bom, size=block_bytes)
    line, skip = 1, dialect.header_lines if dialect.header else 0
    pending = b""
    for data, last in _with_last(line_blocks(pieces, dialect.max_line_bytes)):
        block = Block(pending + data, line, last=last)
        if skip:
            block, skipped = block.without(skip)
            skip -= skipped
        outcome = judge(block, dialect)
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

    def add(self, outcome: Outcome) -> None:
        self.frames.append(outcome.frame)
        self.rejects.append(outcome.rejects)

    def full(self) -> Iterator[Chunk]:
        """Chunks of exactly `rows` good rows, or of `rows` rejects, as long as there are enough."""
        while self._height(self.frames) >= self.rows or self._height(self.rejects) >= self.rows:
            frame, self.frames = self._cut(self.frames, self.columns())
            rejects, self.rejects = self._cut(self.rejects, REJECTS)
            yield Chunk(frame, rejects, frame.height + rejects.height)

    def rest(self) -> Iterator[Chunk]:
        """The last chunk, if anything is left."""
        frame, _ = self._cut(self.frames, self.columns())
        rejects, _ = self._cut(self.rejects, REJECTS)
        if frame.height + rejects.height:
            yield Chunk(frame, rejects, frame.height + rejects.height)

    def columns(self) -> dict[str, pl.DataType]:
        return {LINE: pl.Int64(), **{name: pl.String() for name in self.dialect.columns}}

    def _cut(
        self, parts: list[pl.DataFrame], schema: dict[str, pl.DataType]
    ) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        whole = pl.concat([pl.DataFrame(schema=schema), *parts])
        left = whole.slice(self.rows)
        return whole.head(self.rows), [left] if left.height else []

    @staticmethod
    def _height(parts: list[pl.DataFrame]) -> int:
        return sum(part.height for part in parts)
