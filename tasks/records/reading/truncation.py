"""Detects truncated files by their last line, before anything else is read."""

from pathlib import Path
from typing import NoReturn

from blocks.errors import FileHeld
from tasks.records.reading.csv_parser import Record, Splitter
from tasks.records.reading.dialect import FileDialect
from tasks.records.reading.encoding import BOMS, transcode


def check_not_truncated(path: Path, dialect: FileDialect) -> None:
    """Raise FileHeld (reason "cut") if the file is truncated.

    It is if the last line has no line break although `dialect` requires one, or has none and is
    not a complete record, or if a quoted cell is open at the end. A last line that is invalid but
    ends with a line break is an ordinary reject.
    """
    data = _tail(path, dialect)
    ends = data.endswith((b"\n", b"\r"))
    if not ends and dialect.final_newline == "required":
        _cut("its last line has no line break", hint=" (or set the dialect's final_newline to any)")
    lines = data.splitlines(keepends=True)
    while lines and not lines[-1].strip(b"\r\n"):
        lines.pop()
    if lines:
        _check_last(lines[-dialect.max_record_lines :], dialect, ends=ends)


def _tail(path: Path, dialect: FileDialect) -> bytes:
    """The end of the file as UTF-8, starting at a line; of a short file all of it."""
    size = path.stat().st_size
    wide = dialect.encoding.startswith("utf-16")
    if wide and size % 2:
        _cut("its last character is incomplete")
    start = max(len(BOMS[dialect.encoding]) if dialect.bom else 0, size - _tail_bytes(dialect))
    with path.open("rb") as stream:
        stream.seek(start - start % 2 if wide else start)
        data = transcode(stream.read(), dialect.encoding)
    if size <= _tail_bytes(dialect):
        return data
    after = min((at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0), default=-1) + 1
    return data[after:] if after < len(data) else data


def _tail_bytes(dialect: FileDialect) -> int:
    """Bytes of the file that contain its last record, empty lines after it included."""
    return 2 * dialect.max_line_bytes + 4096


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
            _cut("a quoted cell is still open")
    if last.fault == "open_quote":
        _cut("a quoted cell is still open")
    if not ends:
        _cut("its last line is not a complete record")


def _record(lines: list[bytes], dialect: FileDialect) -> Record:
    data = b"".join(lines)
    splitter = Splitter(dialect.separator.encode(), (dialect.quote or "").encode())
    return splitter.record(data, 0, len(data))


def _complete(record: Record, dialect: FileDialect) -> bool:
    return not record.fault and len(record.cells) == len(dialect.columns)


def _contains_record(lines: list[bytes], dialect: FileDialect) -> bool:
    """Whether one of the lines after an open quote is a complete record."""
    return any(_complete(_record([line], dialect), dialect) for line in lines)


def _cut(fact: str, hint: str = "") -> NoReturn:
    raise FileHeld(
        f"The file seems to be truncated: {fact}. Accepted are files whose last line is a complete "
        f"record with its line break; ask the client to send it again{hint}.",
        reason="cut",
    )
