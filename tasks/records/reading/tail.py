"""Reads the last lines of a file, and finds those below the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blocks.errors import FileHeld
from tasks.records.reading.around import Wanted, is_blank, may_be_person
from tasks.records.reading.csv_parser import Splitter
from tasks.records.reading.encoding import BOMS, transcode


@dataclass(frozen=True)
class Tail:
    """The last lines of a file as UTF-8, with line breaks; `whole`: these are all lines."""

    lines: list[bytes]
    whole: bool

    @property
    def ends(self) -> bool:
        """Whether the last line has its line break."""
        return not self.lines or self.lines[-1].endswith((b"\n", b"\r"))


@dataclass(frozen=True)
class TableForm:
    """What distinguishes a line below the table from a record: parser, columns and keys.

    `header_lines`: physical lines above the first record.
    """

    splitter: Splitter
    columns: Sequence[str]
    header_lines: int
    wanted: Wanted

    def may_hold(self, line: bytes) -> bool:
        """Whether a line may be a person's record, or a part of one."""
        record = self.splitter.record(line, 0, len(line))
        cells = [cell.decode("utf-8", "replace").strip() for cell in record.cells]
        return bool(record.fault) or may_be_person(cells, self.columns, self.wanted)

    def is_blank(self, line: bytes) -> bool:
        """Whether a line contains only blanks and separators."""
        record = self.splitter.record(line, 0, len(line))
        return not record.fault and is_blank([cell.decode("latin-1") for cell in record.cells])


def read_tail(path: Path, encoding: str, *, bom: bool, length: int) -> Tail:
    """Read the complete lines in the last `length` bytes of a file."""
    size = path.stat().st_size
    wide = encoding.startswith("utf-16")
    if wide and size % 2:
        raise truncated("its last character is incomplete")
    start = max(len(BOMS[encoding]) if bom else 0, size - length)
    with path.open("rb") as stream:
        stream.seek(start - start % 2 if wide else start)
        data = transcode(stream.read(), encoding)
    if size <= length:
        return Tail(data.splitlines(keepends=True), whole=True)
    after = min((at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0), default=-1) + 1
    data = data[after:] if after < len(data) else data
    return Tail(data.splitlines(keepends=True), whole=False)


def lines_below(tail: Tail, table: TableForm, most: int) -> list[bytes]:
    """The lines below the table; at most `most` of them are not blank.

    A last line without line break may be a truncated record. It is accepted only after a blank
    line, or as the last of as many lines as were agreed, if these are two or more.
    """
    lines, first, found = tail.lines, len(tail.lines), 0
    until = table.header_lines if tail.whole else 0
    for place in range(len(lines) - 1, until - 1, -1):
        if table.is_blank(lines[place]):
            continue
        if found == most or table.may_hold(lines[place]):
            break
        first, found = place, found + 1
    after_blank = first > until and table.is_blank(lines[first - 1])
    if not tail.ends and not after_blank and not 1 < found == most:
        return []
    return lines[first:]


def truncated(fact: str, hint: str = "") -> FileHeld:
    """The error for a file that may be truncated."""
    return FileHeld(
        f"The file seems to be truncated: {fact}. Accepted are files whose last line is a complete "
        f"record with its line break; ask the client to send it again{hint}.",
        reason="cut",
    )
