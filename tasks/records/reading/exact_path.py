"""Parses a block of lines: vectorised where lines are simple, with the exact parser elsewhere."""

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from itertools import accumulate

import polars as pl

from tasks.records.frames import LINE, REJECTS, no_rejects
from tasks.records.reading.around import is_blank
from tasks.records.reading.csv_parser import Record
from tasks.records.reading.dialect import ACCEPTED_AS, FileDialect
from tasks.records.reading.fast_path import CONTROL, LineMasks, classify_lines, split_good_lines

SHOWN_CHARACTERS = 1_000
"""How much of an overlong line is shown."""
# With fewer cells than this, text within quotes looks like a record too often.
_MIN_CELLS_TO_DECIDE = 4


@dataclass(frozen=True)
class Block:
    """Complete lines of the file as UTF-8; `line`: number of the first; `last`: the file ends."""

    data: bytes
    line: int
    last: bool = field(kw_only=True)

    def without(self, lines: int) -> tuple["Block", int]:
        """This block without its first `lines` lines, and how many were removed."""
        dropped = self.data.splitlines(keepends=True)[:lines]
        data = self.data[sum(map(len, dropped)) :]
        return Block(data, self.line + len(dropped), last=self.last), len(dropped)


@dataclass(frozen=True)
class ParsedBlock:
    """Good records and rejects of a block, and how many of its bytes and lines they cover."""

    frame: pl.DataFrame
    rejects: pl.DataFrame
    consumed: int
    lines: int


def parse_block(block: Block, dialect: FileDialect) -> ParsedBlock:
    """Parse all lines of the block, except an open quote that the next block may close."""
    masks = classify_lines(block.data, dialect)
    exact = _ExactParser(block, dialect, masks)
    if others := masks.others():
        exact.parse(others)
    frame = split_good_lines(masks, exact.remaining(), block.line, dialect)
    if exact.good:
        frame = pl.concat([frame, exact.good_frame()]).sort(LINE)
    return ParsedBlock(frame, exact.reject_frame(), exact.consumed, exact.lines)


class _ExactParser:
    """Parses the lines of a block that the fast path leaves, one by one and in order."""

    def __init__(self, block: Block, dialect: FileDialect, masks: LineMasks) -> None:
        self.block, self.dialect, self.masks = block, dialect, masks
        self.width = len(dialect.columns)
        self.splitter = dialect.splitter
        self.good: list[tuple[int, list[str]]] = []
        self.rejects: list[tuple[int, str, list[str] | None, str | None]] = []
        self.parsed: list[int] = []
        self.consumed, self.lines = len(block.data), masks.height
        self.starts: list[int] = []
        self.complete: list[bool] = []

    def parse(self, indexes: list[int]) -> None:
        """Parse the record that starts on each of the lines, unless an earlier record covers it."""
        raw = self.block.data.splitlines(keepends=True)
        self.starts = [0, *accumulate(map(len, raw))]
        self.complete = self.masks.good.to_list()
        next_line = 0
        for index in indexes:
            if index < next_line:
                continue
            next_line = self._line(index)
            if next_line == index:
                self.consumed, self.lines = self.starts[index], index
                return

    def _line(self, index: int) -> int:
        """Parse the record on a line; return the line after it, or `index` for the next block."""
        start, end = self.starts[index], self.starts[index + 1]
        data = self.block.data
        if len(data[start:end].rstrip(b"\r\n")) > self.dialect.max_line_bytes:
            return self._reject(index, index + 1, "line_too_long")
        record = self.splitter.record(data, start, start + len(data[start:end].rstrip(b"\r\n")))
        if record.fault == "open_quote":
            return self._open(index)
        return self._record(index, index + 1, record)

    def _open(self, index: int) -> int:
        """Parse from an open quote: a record over several lines, or a fault of the first line."""
        start, data = self.starts[index], self.block.data
        limit = min(index + self.dialect.max_record_lines, len(self.starts) - 1)
        stop = min(self.starts[limit], start + self.dialect.max_line_bytes)
        record = self.splitter.record(data, start, stop)
        if record.fault:
            waits = record.fault == "open_quote" and stop == len(data) and not self.block.last
            return index if waits else self._reject(index, index + 1, "open_quote")
        after = bisect_left(self.starts, record.end)
        if self._contains_records(index, after):
            if self.width >= _MIN_CELLS_TO_DECIDE:
                return self._reject(index, index + 1, "open_quote")
            return self._unclear(index, after)
        if len(record.cells) != self.width and any(self.complete[index + 1 : after]):
            return self._reject(index, index + 1, "open_quote")
        return self._record(index, after, record)

    def _contains_records(self, index: int, after: int) -> bool:
        """Whether the lines of a record over several lines look like separate records.

        They do if most of the inner lines are complete records, or if the first and the last line
        have the right number of separators.
        """
        within = self.complete[index + 1 : after - 1]
        if within and 2 * sum(within) > len(within):
            return True
        separator = self.dialect.separator.encode()
        ends = (self._bytes(index, index + 1), self._bytes(after - 1, after))
        return all(end.count(separator) == self.width - 1 for end in ends)

    def _unclear(self, index: int, after: int) -> int:
        for line in range(index, after):
            if self._bytes(line, line + 1).strip(b"\r\n"):
                self._reject(line, line + 1, "quote_unclear")
        return after

    def _record(self, index: int, after: int, record: Record) -> int:
        """Store a parsed record as good or as a reject."""
        raw = self._bytes(index, after)
        fault = _byte_fault(raw) or self._quote_fault(raw, record)
        if fault:
            return self._reject(index, after, fault)
        cells = [cell.decode("utf-8") for cell in record.cells]
        fault = self._width_fault(cells)
        if fault and ACCEPTED_AS.get(fault) not in self.dialect.accept:
            return self._reject(index, after, fault, cells)
        self.parsed.extend(range(index, after))
        if not is_blank(cells):
            filled = [*cells, *[""] * (self.width - len(cells))][: self.width]
            self.good.append((self.block.line + index, filled))
        return after

    def _quote_fault(self, raw: bytes, record: Record) -> str:
        """The fault of a record; blanks around quotes, if they are all of it, have their own."""
        if record.fault == "text_after_quote":
            loose = replace(self.splitter, blanks=True).record(raw, 0, len(raw))
            if not loose.fault and len(loose.cells) == self.width:
                return "blanks_around_quotes"
        return record.fault

    def _width_fault(self, cells: list[str]) -> str:
        if len(cells) < self.width:
            return "too_few_cells"
        if len(cells) > self.width:
            return "separators_at_end" if is_blank(cells[self.width :]) else "too_many_cells"
        return ""

    def _reject(self, index: int, after: int, reason: str, cells: list[str] | None = None) -> int:
        raw = self._bytes(index, after).rstrip(b"\r\n")
        if reason == "line_too_long":
            raw = raw[:SHOWN_CHARACTERS]
        self.rejects.append((self.block.line + index, reason, cells, printable(raw)))
        self.parsed.extend(range(index, after))
        return after

    def _bytes(self, index: int, after: int) -> bytes:
        return self.block.data[self.starts[index] : self.starts[after]]

    def remaining(self) -> pl.Series:
        """Mask of the lines, within those covered, that were not parsed here."""
        mask = pl.Series([True]).new_from_index(0, self.masks.height)
        if self.parsed:
            mask = mask.scatter(self.parsed, False)
        if self.lines == self.masks.height:
            return mask
        return mask & (pl.int_range(self.masks.height, eager=True) < self.lines)

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
    r"""A line as printable text: invalid bytes and control characters as \xNN."""
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
