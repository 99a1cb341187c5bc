"""What becomes of a block of lines: vectorised where lines are plain, exact where they are not."""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate

import polars as pl

from tasks.records.frames import LINE, REJECTS, no_rejects
from tasks.records.reading.csv_parser import Record, Splitter
from tasks.records.reading.dialect import FileDialect
from tasks.records.reading.fast_path import CONTROL, LineMasks, classify_lines, split_good_lines

SHOWN_CHARACTERS = 1_000
"""How much is shown of a line that is too long."""
# With fewer cells than this, running text that looks like a record is too likely for a guess.
_SURE_CELLS = 4


@dataclass(frozen=True)
class Block:
    """Complete lines of the file as UTF-8; `line` numbers the first, `last` ends the file."""

    data: bytes
    line: int
    last: bool = field(kw_only=True)

    def without(self, lines: int) -> tuple["Block", int]:
        """This block without its first lines, and how many those were."""
        dropped = self.data.splitlines(keepends=True)[:lines]
        data = self.data[sum(map(len, dropped)) :]
        return Block(data, self.line + len(dropped), last=self.last), len(dropped)


@dataclass(frozen=True)
class ParsedBlock:
    """Good records and rejects of a block, and how many of its bytes and lines are settled."""

    frame: pl.DataFrame
    rejects: pl.DataFrame
    consumed: int
    lines: int


def parse_block(block: Block, dialect: FileDialect) -> ParsedBlock:
    """Settle every line of the block, except an open quote that the next block may close."""
    marks = classify_lines(block.data, dialect)
    doubtful = marks.doubtful()
    exact = _Exact(block, dialect, marks)
    if doubtful:
        exact.settle(doubtful)
    frame = split_good_lines(marks, exact.untouched(), block.line, dialect)
    if exact.good:
        frame = pl.concat([frame, exact.good_frame()]).sort(LINE)
    return ParsedBlock(frame, exact.reject_frame(), exact.consumed, exact.lines)


class _Exact:
    """The doubtful lines of one block, read one by one in their order."""

    def __init__(self, block: Block, dialect: FileDialect, marks: LineMasks) -> None:
        self.block, self.dialect, self.marks = block, dialect, marks
        self.width = len(dialect.columns)
        self.splitter = Splitter(dialect.separator.encode(), (dialect.quote or "").encode())
        self.good: list[tuple[int, list[str]]] = []
        self.rejects: list[tuple[int, str, list[str] | None, str | None]] = []
        self.taken: list[int] = []
        self.consumed, self.lines = len(block.data), marks.height
        self.starts: list[int] = []
        self.complete: list[bool] = []

    def settle(self, doubtful: list[int]) -> None:
        """Read each doubtful line that no record before it has taken."""
        raw = self.block.data.splitlines(keepends=True)
        self.starts = [0, *accumulate(map(len, raw))]
        self.complete = self.marks.good.to_list()
        free = 0
        for index in doubtful:
            if index < free:
                continue
            free = self._line(index)
            if free == index:
                self.consumed, self.lines = self.starts[index], index
                return

    def _line(self, index: int) -> int:
        """Settle the record on a line; return the next free line, or `index` itself to wait."""
        start, end = self.starts[index], self.starts[index + 1]
        data = self.block.data
        if len(data[start:end].rstrip(b"\r\n")) > self.dialect.max_line_bytes:
            return self._reject(index, index + 1, "line_too_long")
        record = self.splitter.record(data, start, start + len(data[start:end].rstrip(b"\r\n")))
        if record.fault == "open_quote":
            return self._open(index)
        return self._record(index, index + 1, record)

    def _open(self, index: int) -> int:
        """An open quote: a record over several lines, or a fault that must not swallow them."""
        start, data = self.starts[index], self.block.data
        limit = min(index + self.dialect.max_record_lines, len(self.starts) - 1)
        stop = min(self.starts[limit], start + self.dialect.max_line_bytes)
        record = self.splitter.record(data, start, stop)
        if record.fault:
            waits = record.fault == "open_quote" and stop == len(data) and not self.block.last
            return index if waits else self._reject(index, index + 1, "open_quote")
        behind = bisect_left(self.starts, record.end)
        if self._doubtful_span(index, behind):
            if self.width >= _SURE_CELLS:
                return self._reject(index, index + 1, "open_quote")
            return self._unclear(index, behind)
        if len(record.cells) != self.width and any(self.complete[index + 1 : behind]):
            return self._reject(index, index + 1, "open_quote")
        return self._record(index, behind, record)

    def _doubtful_span(self, index: int, behind: int) -> bool:
        """Whether the lines of a record over several lines look like records of their own.

        So they do when most of the lines within are complete, or when the first and the last would
        be, were it not for one quote each.
        """
        within = self.complete[index + 1 : behind - 1]
        if within and 2 * sum(within) > len(within):
            return True
        separator = self.dialect.separator.encode()
        ends = (self._bytes(index, index + 1), self._bytes(behind - 1, behind))
        return all(end.count(separator) == self.width - 1 for end in ends)

    def _unclear(self, index: int, behind: int) -> int:
        for line in range(index, behind):
            if self._bytes(line, line + 1).strip(b"\r\n"):
                self._reject(line, line + 1, "quote_unclear")
        return behind

    def _record(self, index: int, behind: int, record: Record) -> int:
        """Judge one record that has been cut into cells."""
        raw = self._bytes(index, behind)
        fault = _byte_fault(raw) or record.fault
        if fault:
            return self._reject(index, behind, fault)
        cells = [cell.decode("utf-8") for cell in record.cells]
        if len(cells) == self.width:
            self.good.append((self.block.line + index, cells))
            self.taken.extend(range(index, behind))
            return behind
        few = len(cells) < self.width
        return self._reject(index, behind, "too_few_cells" if few else "too_many_cells", cells)

    def _reject(self, index: int, behind: int, reason: str, cells: list[str] | None = None) -> int:
        raw = self._bytes(index, behind).rstrip(b"\r\n")
        if reason == "line_too_long":
            raw = raw[:SHOWN_CHARACTERS]
        self.rejects.append((self.block.line + index, reason, cells, printable(raw)))
        self.taken.extend(range(index, behind))
        return behind

    def _bytes(self, index: int, behind: int) -> bytes:
        return self.block.data[self.starts[index] : self.starts[behind]]

    def untouched(self) -> pl.Series:
        """Mask of the lines that are settled and were not taken here."""
        free = pl.Series([True]).new_from_index(0, self.marks.height)
        settled = free.scatter(self.taken, False) if self.taken else free
        return (
            settled
            if self.lines == self.marks.height
            else settled & (pl.int_range(self.marks.height, eager=True) < self.lines)
        )

    def good_frame(self) -> pl.DataFrame:
        columns = zip(*(cells for _, cells in self.good), strict=True)
        data = dict(zip(self.dialect.columns, columns, strict=True))
        lines = pl.Series(LINE, [line for line, _ in self.good], pl.Int64)
        schema = dict.fromkeys(self.dialect.columns, pl.String)
        return pl.DataFrame(data, schema=schema).insert_column(0, lines)

    def reject_frame(self) -> pl.DataFrame:
        if not self.rejects:
            return no_rejects()
        names = ("line", "reason", "cells", "original")
        data = dict(zip(names, zip(*self.rejects, strict=True), strict=True))
        schema = {"line": pl.Int64, "reason": pl.String} | {
            name: REJECTS[name] for name in ("cells", "original")
        }
        return pl.DataFrame(data, schema=schema).select(
            "line",
            pl.concat_list(pl.lit("")).alias("columns"),
            pl.concat_list("reason").alias("reasons"),
            "cells",
            "original",
        )


def printable(raw: bytes) -> str:
    r"""A line as text that can be shown: bytes and control characters that cannot be, as \xNN."""
    text = raw.decode("utf-8", "backslashreplace")
    return CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def _byte_fault(raw: bytes) -> str:
    if b"\0" in raw:
        return "nul_byte"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "bad_bytes"
    return "control_character" if CONTROL.search(text) else ""
