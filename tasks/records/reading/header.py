"""Detects separator and column names from the first records of a file."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from blocks.errors import FileHeld
from tasks.records.frames import LINE
from tasks.records.reading.around import (
    ANYBODY,
    Wanted,
    has_names,
    is_blank,
    lacking_names,
    may_be_person,
)
from tasks.records.reading.csv_parser import BREAK, Record, Splitter

HELD_LIST = {
    "en": "NOTHING OF THIS FILE WAS IMPORTED",
    "it": "NULLA DI QUESTO FILE RISULTA IMPORTATO",
}
"""How the first line of the list of a held file's rejects starts, by language."""
SAMPLE_RECORDS = 100
"""Number of records from which the separator is chosen."""
MOST_LINES_ABOVE = 100
"""Maximum number of lines above the header."""
_FITTING = 0.5
_NAMES = {";": "';'", ",": "','", "|": "'|'", "\t": "tab"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EXCELS_LINE = re.compile(rb'(?i)[\r\n]*("?)sep=(.)\1[;,|\t ]*(?:\r\n|\n|\r|$)')


@dataclass(frozen=True)
class Reading:
    """The agreed settings for reading a file.

    `separators` to choose from; `limit`: longest record in bytes, `lines`: in lines; `above`:
    maximum number of lines above the table; `accept`: see `Dialect.accept`.
    """

    separators: Sequence[str]
    quote: bytes
    limit: int
    lines: int
    header: bool
    above: int = 0
    accept: frozenset[str] = frozenset()
    wanted: Wanted = ANYBODY


@dataclass(frozen=True)
class HeaderLayout:
    """Separator, column names, number of physical lines above the first record, line break.

    `above`: the numbers of those lines that are neither header nor blank.
    """

    separator: str
    columns: tuple[str, ...]
    header_lines: int
    line_end: str
    above: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Row:
    """A record that is not blank, the line on which it starts, and the line after it."""

    record: Record
    line: int
    after: int

    @cached_property
    def cells(self) -> list[str]:
        return [cell.decode("utf-8", "replace").strip() for cell in self.record.cells]

    @property
    def width(self) -> int:
        return len(self.record.cells)

    def fills(self, width: int) -> bool:
        """Whether it has this number of cells, empty cells at its end aside."""
        return self.width >= width and is_blank(self.cells[width:])


@dataclass(frozen=True)
class _Sample:
    """First records of a file as split by one separator, and those above the table."""

    separator: str
    rows: list[_Row]
    above: tuple[_Row, ...] = ()

    @cached_property
    def sound(self) -> list[_Row]:
        """The first record, and those after it that have no fault."""
        return [*self.rows[:1], *(row for row in self.rows[1:] if not row.record.fault)]

    @property
    def faultless(self) -> bool:
        return len(self.sound) == len(self.rows)

    @property
    def common_width(self) -> int:
        """The number of cells that most records have."""
        return Counter(row.width for row in self.sound).most_common(1)[0][0]

    def fits(self, reading: Reading) -> bool:
        """Whether this separator splits most records into the same number (> 1) of cells."""
        expected = self.rows[0].width if reading.header else self.common_width
        short = "missing_last_cells" in reading.accept
        alike = sum(
            row.fills(expected) or (short and 1 < row.width < expected) for row in self.sound
        )
        return expected > 1 and alike >= _FITTING * len(self.sound)

    @property
    def fits_every_record(self) -> bool:
        """Whether it splits all records, header included, into the same number of cells."""
        return len({row.width for row in self.sound}) == 1

    def header_at(self, wanted: Wanted) -> int | None:
        """The position of the record that contains all names of the mapping."""
        places = (place for place, row in enumerate(self.rows) if has_names(row.cells, wanted))
        return next(places, None)

    def below(self, place: int) -> "_Sample":
        """The sample without the records above a position."""
        return replace(self, rows=self.rows[place:], above=tuple(self.rows[:place]))


def read_layout(head: bytes, reading: Reading) -> HeaderLayout:
    """Read the layout from `head`, the start of the file as UTF-8 without byte order mark.

    Raises FileHeld with reason "separator", "header" or "columns".
    """
    _hold_list_of_rejects(head)
    start, separators = _after_excels_line(head, reading.separators)
    samples = [_sample(head, start, separator, reading) for separator in separators]
    if reading.header:
        samples = _from_header(samples, reading)
    sample = samples[0] if len(samples) == 1 else _choose(samples, reading)
    found = BREAK.search(head)
    line_end = found.group().decode() if found else "\r\n"
    if not reading.header:
        return _without_header(sample, reading, line_end, lines=len(head[:start].splitlines()))
    names = _names(sample.rows[0].record)
    _hold_people_above(sample, names, reading.wanted)
    _hold_other_width(sample, reading)
    above = tuple(row.line for row in sample.above)
    return HeaderLayout(sample.separator, names, sample.rows[0].after - 1, line_end, above)


def first_records(head: bytes, reading: Reading) -> dict[str, list[list[str]]]:
    """The cells of the first records, as each separator splits them; blank records are left out."""
    start, separators = _after_excels_line(head, reading.separators)
    samples = [_sample(head, start, separator, reading) for separator in separators]
    return {each.separator: [row.cells for row in each.rows] for each in samples}


def _hold_list_of_rejects(head: bytes) -> None:
    """Hold our list of a held file's rejects: it has only some of the file's records."""
    if head.lstrip(b"\"'\r\n").startswith(tuple(mark.encode() for mark in HELD_LIST.values())):
        raise FileHeld(
            "The file is the list of rejected records of a file that was held. Accepted is the "
            "whole file; ask the client to correct that one and to send it again.",
            reason="header",
        )


def _after_excels_line(head: bytes, separators: Sequence[str]) -> tuple[int, Sequence[str]]:
    """Where the table starts after the line `sep=;` of Excel, and the separator it names."""
    found = _EXCELS_LINE.match(head)
    if found is None:
        return 0, separators
    named = found[2].decode("utf-8", "replace")
    if named not in separators:
        agreed = " or ".join(_NAMES[separator] for separator in separators)
        raise FileHeld(
            f"The first line says sep=, as Excel does, with another separator than {agreed}. "
            "Accepted is the agreed one; set dialect.separator to the one that the client uses, or "
            "ask the client to send the file again.",
            reason="separator",
        )
    return found.end(), (named,)


def _sample(head: bytes, start: int, separator: str, reading: Reading) -> _Sample:
    """The first records, without blank ones."""
    splitter = Splitter(
        separator.encode(), reading.quote, blanks="blanks_around_quotes" in reading.accept
    )
    most = SAMPLE_RECORDS + (MOST_LINES_ABOVE if reading.header else reading.above)
    rows = list(islice(_rows(head, start, splitter, reading), most))
    if not rows:
        raise FileHeld(
            "The file contains only blanks and separators. Accepted are files with at least "
            "one line; ask the client to send the file again.",
            reason="empty",
        )
    return _Sample(separator, rows)


def _rows(head: bytes, start: int, splitter: Splitter, reading: Reading) -> Iterator[_Row]:
    """Yield the records; of one that has a fault, the first line.

    A record without line break may be truncated by the end of `head`: it counts only if it is all.
    """
    line, first = len(head[:start].splitlines()) + 1, True
    while start < len(head):
        record = splitter.record(head, start, min(start + reading.limit, len(head)))
        after = line + len(head[start : record.end].splitlines())
        if record.fault or after - line > reading.lines or not _ended(head, record.end):
            stop = _line_end(head, start)
            record, after = replace(splitter.record(head, start, stop), end=stop), line + 1
        row, ended = _Row(record, line, after), _ended(head, record.end)
        if (ended or first) and (record.fault or not is_blank(row.cells)):
            yield row
            first = False
        start, line = max(record.end, start + 1), after


def _ended(head: bytes, end: int) -> bool:
    return head[end - 1 : end] in (b"\n", b"\r")


def _line_end(head: bytes, start: int) -> int:
    found = BREAK.search(head, start)
    return found.end() if found else len(head)


def _from_header(samples: Sequence[_Sample], reading: Reading) -> list[_Sample]:
    """The samples from the header on; only one of them if the names of the mapping find it."""
    wanted, above = reading.wanted, reading.above
    found = [(each, each.header_at(wanted)) for each in samples]
    at = [(each, place) for each, place in found if place is not None]
    if len(at) == 1 and at[0][1]:
        sample, place = at[0]
        if place > above:
            raise _above_header(sample.rows[place].line, place)
        return [_short(sample.below(place))]
    if above and not at and wanted.names:
        raise _no_header(samples, reading)
    if above and not wanted.names:
        return [_short(each.below(min(above, len(each.rows) - 1))) for each in samples]
    return [_short(each) for each in samples]


def _short(sample: _Sample) -> _Sample:
    return replace(sample, rows=sample.rows[: SAMPLE_RECORDS + 1])


def _above_header(line: int, lines: int) -> FileHeld:
    return FileHeld(
        f"The names of the mapping are on line {line}, below {lines} other lines. Accepted is a "
        "file that starts with its header; ask the client to correct it, or set "
        f"dialect.lines_above to {lines} to leave these lines out.",
        reason="header",
    )


def _no_header(samples: Sequence[_Sample], reading: Reading) -> FileHeld:
    rows = [row for each in samples for row in each.rows[: reading.above + 1]]
    lacking = min((lacking_names(row.cells, reading.wanted) for row in rows), key=len)
    named = ", ".join(f"'{name}'" for name in lacking)
    return FileHeld(
        f"None of the first {reading.above + 1} lines that are not blank contains all names of the "
        f"mapping; the closest one lacks {named}. Accepted is a header with all of them; ask the "
        "client to correct it, or correct the mapping or dialect.lines_above.",
        reason="header",
    )


def _choose(samples: Sequence[_Sample], reading: Reading) -> _Sample:
    fitting = [sample for sample in samples if sample.fits(reading)]
    if len(fitting) > 1:  # e.g. decimal commas in every record, but not in the header
        fitting = [each for each in fitting if each.faultless] or fitting
        fitting = [each for each in fitting if each.fits_every_record] or fitting
    if not fitting and reading.header:  # e.g. if only one of them finds the names
        fitting = [each for each in samples if each.header_at(reading.wanted) == 0]
    if len(fitting) == 1:
        return fitting[0]
    if all(row.width == 1 for sample in samples for row in sample.sound):
        return samples[0]
    which = " and ".join(_NAMES[sample.separator] for sample in fitting) or "none of them"
    raise FileHeld(
        f"The separator is not clear from the first lines: {which} would fit. Accepted are "
        "';', ',', '|' and tab; set dialect.separator to the one agreed with the client.",
        reason="separator",
    )


def _without_header(
    sample: _Sample, reading: Reading, line_end: str, *, lines: int
) -> HeaderLayout:
    """Number the columns and leave out lines above the first person; `lines`: above the sample."""
    names = tuple(f"#{number}" for number in range(1, sample.common_width + 1))
    above: list[_Row] = []
    for row in sample.rows[: reading.above]:
        if may_be_person(row.cells, names, reading.wanted):
            break
        above.append(row)
    if above:
        lines = above[-1].after - 1
    return HeaderLayout(sample.separator, names, lines, line_end, tuple(row.line for row in above))


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


def _hold_people_above(sample: _Sample, names: Sequence[str], wanted: Wanted) -> None:
    """Hold a file with a record above the header, as after sorting a sheet."""
    people = [row.line for row in sample.above if may_be_person(row.cells, names, wanted)]
    if people:
        raise FileHeld(
            f"Line {people[0]}, above the header, may be a person's record. Accepted above the "
            "header are lines without address or number; ask the client to correct the file.",
            reason="header",
        )


def _hold_other_width(sample: _Sample, reading: Reading) -> None:
    """Hold a file whose records all have another number of cells than the header."""
    own, others = sample.rows[0].width, sample.sound[1:]
    widths = {row.width for row in others}
    if len(sample.sound) <= 3 or len(widths) > 1 or own in widths:
        return
    width = widths.pop()
    deviation = ""
    if width < own:
        deviation = "missing_last_cells"
    elif sum(row.fills(own) for row in others) > _FITTING * len(others):
        deviation = "separators_at_end"
    if deviation in reading.accept:
        return
    empty = ", those at the end empty" if deviation == "separators_at_end" else ""
    or_accept = f", or add {deviation} to dialect.accept" if deviation else ""
    raise FileHeld(
        f"The header has {own} cells, but the lines below it have {width}{empty}. "
        "Accepted are files with one name per cell; ask the client to correct the header"
        f"{or_accept}.",
        reason="columns",
    )


def _bad_header(fact: str) -> FileHeld:
    return FileHeld(
        f"The header {fact}. Accepted is a first line with a unique name per column; ask the "
        "client to correct it, or set dialect.header to false if the file has none.",
        reason="header",
    )
