"""Whether a file arrived whole, judged by its last line before anything of it is read."""

from pathlib import Path
from typing import NoReturn

from blocks.errors import FileHeld
from tasks.records.reading.csv_parser import Record, Splitter
from tasks.records.reading.dialect import FileDialect
from tasks.records.reading.encoding import BOMS, transcode


def check_not_truncated(path: Path, dialect: FileDialect) -> None:
    """Raise FileHeld (reason "cut") where the file ends as a cut one does.

    That is: the last line has no line break although `dialect` requires one; or it has none and
    is not a complete record; or a quoted cell is still open at the end. A last line that is
    merely wrong, but ends with a line break, is a bad row like any other.
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
    """The end of the file as UTF-8, from a line end on where the file is longer."""
    size = path.stat().st_size
    wide = dialect.encoding.startswith("utf-16")
    if wide and size % 2:
        _cut("its last character is incomplete")
    start = max(len(BOMS[dialect.encoding]) if dialect.bom else 0, size - _reach(dialect))
    with path.open("rb") as stream:
        stream.seek(start - start % 2 if wide else start)
        data = transcode(stream.read(), dialect.encoding)
    if size <= _reach(dialect):
        return data
    behind = min((at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0), default=-1) + 1
    return data[behind:] if behind < len(data) else data


def _reach(dialect: FileDialect) -> int:
    """Bytes of the file in which its last record must lie, blank lines behind it included."""
    return 2 * dialect.max_line_bytes + 4096


def _check_last(lines: list[bytes], dialect: FileDialect, *, ends: bool) -> None:
    """Judge the last line, or the record over several lines that it ends."""
    last = _record(lines[-1:], dialect)
    if _complete(last, dialect):
        return
    for first in range(len(lines) - 2, -1, -1):
        record = _record(lines[first:], dialect)
        whole = record.end == sum(map(len, lines[first:]))
        if whole and _complete(record, dialect):
            return
        if record.fault == "open_quote" and not _swallowed(lines[first + 1 :], dialect):
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


def _swallowed(lines: list[bytes], dialect: FileDialect) -> bool:
    """Whether a line that an open quote would swallow is a record of its own."""
    return any(_complete(_record([line], dialect), dialect) for line in lines)


def _cut(fact: str, hint: str = "") -> NoReturn:
    raise FileHeld(
        f"The file seems to be cut: {fact}. Accepted are files whose last line is a complete "
        f"record with its line break; ask the client to send it again{hint}.",
        reason="cut",
    )
