"""Detects separator and column names from the first lines of a file."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from blocks.errors import FileHeld
from tasks.records.frames import LINE
from tasks.records.reading.csv_parser import Record, Splitter

SAMPLE_RECORDS = 100
"""Number of records on which the choice of a separator rests."""
_FITTING = 0.5
_NAMES = {";": "';'", ",": "','", "|": "'|'", "\t": "tab"}
_BREAK = re.compile(rb"\r\n|\n|\r")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class HeaderLayout:
    """Separator, column names, number of physical lines above the first record, line break."""

    separator: str
    columns: tuple[str, ...]
    header_lines: int
    line_end: str


@dataclass(frozen=True)
class _Sample:
    """First records of a file as split by one separator; the first spans `lines` lines."""

    separator: str
    records: list[Record]
    lines: int

    @property
    def width(self) -> int:
        return len(self.records[0].cells)

    def fits(self, *, header: bool) -> bool:
        """Whether this separator splits most lines into the same number (> 1) of cells."""
        widths = [len(record.cells) for record in self.records]
        expected = widths[0] if header else Counter(widths).most_common(1)[0][0]
        return expected > 1 and widths.count(expected) >= _FITTING * len(widths)

    @property
    def fits_every_line(self) -> bool:
        """Whether it splits all lines, header included, into the same number of cells."""
        return len({len(record.cells) for record in self.records}) == 1


def read_layout(
    head: bytes, separators: Sequence[str], quote: bytes, limit: int, *, header: bool
) -> HeaderLayout:
    """Read the layout from `head`, the start of the file as UTF-8 without byte order mark.

    `separators` are the ones to choose from; `limit` is the longest record in bytes. Raises
    FileHeld with reason "separator", "header" or "columns".
    """
    samples = [_sample(head, separator, quote, limit) for separator in separators]
    sample = samples[0] if len(samples) == 1 else _choose(samples, header=header)
    found = _BREAK.search(head)
    line_end = found.group().decode() if found else "\r\n"
    if not header:
        widths = Counter(len(record.cells) for record in sample.records)
        width = widths.most_common(1)[0][0]
        names = tuple(f"#{number}" for number in range(1, width + 1))
        return HeaderLayout(sample.separator, names, 0, line_end)
    names = _names(sample.records[0])
    _refuse_other_width(sample)
    return HeaderLayout(sample.separator, names, sample.lines, line_end)


def _sample(head: bytes, separator: str, quote: bytes, limit: int) -> _Sample:
    """The first records, without empty lines; only the first one may span lines."""
    splitter = Splitter(separator.encode(), quote)
    start = len(head) - len(head.lstrip(b"\r\n"))
    first = splitter.record(head, start, min(start + limit, len(head)))
    if first.fault:
        first = splitter.record(head, start, _line_end(head, start))
    lines = len(head[: first.end].splitlines())
    records = [first]
    for line in islice(_BREAK.split(head[first.end :])[:-1], 2 * SAMPLE_RECORDS):
        record = splitter.record(line, 0, len(line))
        if line and not record.fault and len(records) < SAMPLE_RECORDS:
            records.append(record)
    return _Sample(separator, records, lines)


def _line_end(head: bytes, start: int) -> int:
    found = _BREAK.search(head, start)
    return found.end() if found else len(head)


def _choose(samples: Sequence[_Sample], *, header: bool) -> _Sample:
    fitting = [sample for sample in samples if sample.fits(header=header)]
    if len(fitting) > 1:  # e.g. decimal commas in every record, but not in the header
        fitting = [each for each in fitting if each.fits_every_line] or fitting
    if len(fitting) == 1:
        return fitting[0]
    single = all(len(record.cells) == 1 for sample in samples for record in sample.records)
    if single:
        return samples[0]
    which = " and ".join(_NAMES[sample.separator] for sample in fitting) or "none of them"
    raise FileHeld(
        f"The separator is not clear from the first lines: {which} would fit. Accepted are "
        "';', ',', '|' and tab; set dialect.separator to the one agreed with the client.",
        reason="separator",
    )


def _names(record: Record) -> tuple[str, ...]:
    """Column names, trimmed; an empty one becomes "column N"."""
    try:
        cells = [cell.decode("utf-8").strip() for cell in record.cells]
    except UnicodeDecodeError:
        raise _bad_header("contains bytes that do not exist in the file's encoding") from None
    if record.fault:
        raise _bad_header("has quotes that do not match")
    if any(_CONTROL.search(cell) for cell in cells):
        raise _bad_header("contains control characters or line breaks")
    names = tuple(cell or f"column {number}" for number, cell in enumerate(cells, start=1))
    duplicates = [str(names.index(name) + 1) for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise _bad_header(f"has duplicate names (first at column {', '.join(duplicates)})")
    if LINE in names:
        raise _bad_header(f"uses the reserved name {LINE}")
    return names


def _refuse_other_width(sample: _Sample) -> None:
    """Hold a file whose records all have another number of cells than the header."""
    widths = {len(record.cells) for record in sample.records[1:]}
    if len(sample.records) > 3 and len(widths) == 1 and sample.width not in widths:
        raise FileHeld(
            f"The header has {sample.width} cells, but the lines below it have {widths.pop()}. "
            "Accepted are files with one name per cell; ask the client to correct the header.",
            reason="columns",
        )


def _bad_header(fact: str) -> FileHeld:
    return FileHeld(
        f"The header {fact}. Accepted is a first line with a unique name per column; ask the "
        "client to correct it, or set dialect.header to false if the file has none.",
        reason="header",
    )
