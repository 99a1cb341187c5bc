"""Detects truncated files by their last line, before anything else is read."""

from pathlib import Path

from tasks.records.reading.csv_parser import Record
from tasks.records.reading.dialect import FileDialect
from tasks.records.reading.tail import read_tail, truncated


def check_not_truncated(path: Path, dialect: FileDialect) -> None:
    """Raise FileHeld (reason "cut") if the file is truncated.

    It is if the last line has no line break although `dialect` requires one, or has none and is
    not a complete record, or if a quoted cell is open at the end. A last line that is invalid but
    ends with a line break is an ordinary reject. Lines below the table prove that it is complete.
    """
    if dialect.below:
        return
    tail = read_tail(path, dialect.encoding, bom=dialect.bom, length=dialect.tail_bytes)
    lines = list(tail.lines)
    if not tail.ends and dialect.final_newline == "required":
        hint = " (or set dialect.final_newline to any)"
        raise truncated("its last line has no line break", hint)
    while lines and not lines[-1].strip(b"\r\n"):
        lines.pop()
    if lines:
        _check_last(lines[-dialect.max_record_lines :], dialect, ends=tail.ends)


def _check_last(lines: list[bytes], dialect: FileDialect, *, ends: bool) -> None:
    """Check the last line, or the record over several lines that ends with it."""
    last = _record(lines[-1:], dialect)
    if _complete(last, dialect):
        return
    for first in range(len(lines) - 2, -1, -1):
        record = _record(lines[first:], dialect)
        whole = record.end == sum(map(len, lines[first:]))
        if whole and _complete(record, dialect):
            return
        if record.fault == "open_quote" and not _contains_record(lines[first + 1 :], dialect):
            raise truncated("a quoted cell is still open")
    if last.fault == "open_quote":
        raise truncated("a quoted cell is still open")
    if not ends:
        hint = " (or set dialect.lines_below if such lines are always below the table)"
        raise truncated("its last line is not a complete record", hint)


def _record(lines: list[bytes], dialect: FileDialect) -> Record:
    data = b"".join(lines)
    return dialect.splitter.record(data, 0, len(data))


def _complete(record: Record, dialect: FileDialect) -> bool:
    width = len(dialect.columns)
    after = b"".join(record.cells[width:]).strip()
    ends = len(record.cells) == width or ("separators_at_end" in dialect.accept and not after)
    return not record.fault and len(record.cells) >= width and ends


def _contains_record(lines: list[bytes], dialect: FileDialect) -> bool:
    """Whether one of the lines after an open quote is a complete record."""
    return any(_complete(_record([line], dialect), dialect) for line in lines)
