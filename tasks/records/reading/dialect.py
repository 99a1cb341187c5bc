"""The CSV dialect of a client's files: as agreed, and as found in one file."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from blocks.errors import FileHeld
from tasks.agreements.base import Settings
from tasks.records.reading.around import ANYBODY, Wanted
from tasks.records.reading.candidates import SingleByte
from tasks.records.reading.csv_parser import Splitter
from tasks.records.reading.encoding import PIECE, detect, encoded_length, utf8_pieces
from tasks.records.reading.header import (
    MOST_LINES_ABOVE,
    HeaderLayout,
    Reading,
    first_records,
    read_layout,
)
from tasks.records.reading.tail import TableForm, lines_below, read_tail

SEPARATORS = {";": ";", ",": ",", "|": "|", "tab": "\t"}
QUOTES = {'"': '"', "'": "'", "none": ""}

FormatDeviation = Literal["missing_last_cells", "separators_at_end", "blanks_around_quotes"]
"""A deviation from CSV that some programs write; accepted only if agreed."""

ACCEPTED_AS: dict[str, FormatDeviation] = {
    "too_few_cells": "missing_last_cells",
    "separators_at_end": "separators_at_end",
    "blanks_around_quotes": "blanks_around_quotes",
}
"""Reason why a record is rejected, and the deviation that accepts it if agreed."""


class Dialect(Settings):
    """The agreed format of a client's files."""

    encoding: Literal["auto", "utf-8", "utf-16", SingleByte] = Field(
        default="auto",
        description=(
            "Encoding of the file. Auto accepts what is certain: UTF-8 and UTF-16. An encoding "
            "with one byte per character, such as cp1252, is never certain and must be agreed. A "
            "byte order mark is always removed."
        ),
    )
    separator: Literal["auto", ";", ",", "|", "tab"] = Field(
        default="auto",
        description="Character between cells; auto requires exactly one that fits every line.",
    )
    quote: Literal['"', "'", "none"] = Field(
        default='"',
        description="Character around cells that contain a separator, a quote or a line break.",
    )
    header: bool = Field(
        default=True,
        description="Whether the first line names the columns; otherwise they are #1, #2, ...",
    )
    lines_above: int = Field(
        default=0,
        ge=0,
        le=MOST_LINES_ABOVE,
        description=(
            "Maximum number of lines above the header, such as a title; the header is found by the "
            "names of the mapping. Without header: above the first record. Blank lines do not "
            "count."
        ),
    )
    lines_below: int = Field(
        default=0,
        ge=0,
        le=MOST_LINES_ABOVE,
        description=(
            "Maximum number of lines below the last record, such as totals. A line that may be a "
            "person's record is never one of them. Blank lines do not count."
        ),
    )
    accept: list[FormatDeviation] = Field(
        default=[],
        description=(
            "Accepted deviations from CSV. missing_last_cells: records may lack their last cells, "
            "which are then empty. separators_at_end: records may end with more separators than "
            "the header. blanks_around_quotes: blanks may stand around a quoted cell."
        ),
    )
    final_newline: Literal["required", "any"] = Field(
        default="required",
        description=(
            "Whether the last line must end with a line break. If it must and does not, the file "
            "may be truncated and is held."
        ),
    )
    max_line_bytes: int = Field(
        default=100_000,
        ge=1_000,
        le=10_000_000,
        description="Maximum length of a record, in bytes of UTF-8; a longer one is rejected.",
    )
    max_record_lines: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Maximum number of lines of a record with line breaks in quoted cells.",
    )


@dataclass(frozen=True)
class FileDialect:
    """The dialect of one file: enough to read it and to write another like it.

    `encoding`: a codec name ("utf-8", "utf-16-le", "utf-16-be", "cp1252", ...). `quote`: None if
    cells are never quoted. `columns`: the names of the header, "column N" for an empty one, or
    "#1", "#2", ... without header. `header_lines`: physical lines above the first record.
    `line_end`: the first line break of the file. `above`: numbers of the lines left out above the
    header. `bytes_below`: bytes of the file below the last record; `below`: the positions, from 0,
    of its lines that are not blank.
    """

    encoding: str
    bom: bool
    separator: str
    quote: str | None
    columns: tuple[str, ...]
    header: bool
    header_lines: int = 0
    line_end: str = "\r\n"
    final_newline: Literal["required", "any"] = "required"
    max_line_bytes: int = 100_000
    max_record_lines: int = 100
    accept: frozenset[str] = frozenset()
    above: tuple[int, ...] = ()
    bytes_below: int = 0
    below: tuple[int, ...] = ()

    @property
    def splitter(self) -> Splitter:
        """The exact parser of its records."""
        blanks = "blanks_around_quotes" in self.accept
        return Splitter(self.separator.encode(), (self.quote or "").encode(), blanks=blanks)

    @property
    def tail_bytes(self) -> int:
        """Bytes of the file that contain its last record, empty lines after it included."""
        return 2 * self.max_line_bytes + 4096


def resolve(path: Path, dialect: Dialect, wanted: Wanted = ANYBODY) -> FileDialect:
    """Determine the dialect of a file; reads all of it to be certain of the encoding.

    `wanted`: what the mapping needs. Raises FileHeld with reason "empty", "encoding", "separator",
    "header" or "columns" if the file contradicts `dialect`, or if "auto" is not certain.
    """
    encoding, bom = detect(path, dialect.encoding)
    layout = _layout(path, dialect, wanted, encoding, bom=bom)
    file = FileDialect(
        encoding=encoding,
        bom=bom,
        separator=layout.separator,
        quote=QUOTES[dialect.quote] or None,
        columns=layout.columns,
        header=dialect.header,
        header_lines=layout.header_lines,
        line_end=layout.line_end,
        final_newline=dialect.final_newline,
        max_line_bytes=dialect.max_line_bytes,
        max_record_lines=dialect.max_record_lines,
        accept=frozenset(dialect.accept),
        above=layout.above,
    )
    return (
        _with_lines_below(path, file, wanted, dialect.lines_below) if dialect.lines_below else file
    )


def _with_lines_below(path: Path, file: FileDialect, wanted: Wanted, most: int) -> FileDialect:
    """Add what is below the table."""
    tail = read_tail(path, file.encoding, bom=file.bom, length=file.tail_bytes)
    table = TableForm(file.splitter, file.columns, file.header_lines, wanted)
    lines = lines_below(tail, table, most)
    places = tuple(place for place, line in enumerate(lines) if not table.is_blank(line))
    length = encoded_length(b"".join(lines), file.encoding)
    return replace(file, bytes_below=length, below=places)


def _layout(
    path: Path, dialect: Dialect, wanted: Wanted, encoding: str, *, bom: bool
) -> HeaderLayout:
    """Separator and columns, from the start of the file."""
    head = _head(path, dialect, encoding, bom=bom)
    if not head.strip(b"\r\n"):
        raise FileHeld(
            "The file is empty. Accepted are files with at least one line; ask the client to send "
            "the file again.",
            reason="empty",
        )
    return read_layout(head, _reading(dialect, wanted))


def first_cells(path: Path, dialect: Dialect) -> dict[str, list[list[str]]]:
    """The cells of the first records, as each separator splits them."""
    encoding, bom = detect(path, dialect.encoding)
    head = _head(path, dialect, encoding, bom=bom)
    return first_records(head, _reading(dialect, ANYBODY))


def _head(path: Path, dialect: Dialect, encoding: str, *, bom: bool) -> bytes:
    """The start of the file as UTF-8, longer than any record."""
    head = b""
    for piece in utf8_pieces(path, encoding, bom=bom):
        head += piece
        if len(head) >= PIECE + dialect.max_line_bytes:
            break
    return head


def _reading(dialect: Dialect, wanted: Wanted) -> Reading:
    one = dialect.separator
    return Reading(
        separators=tuple(SEPARATORS.values()) if one == "auto" else (SEPARATORS[one],),
        quote=QUOTES[dialect.quote].encode(),
        limit=dialect.max_line_bytes,
        lines=dialect.max_record_lines,
        header=dialect.header,
        above=dialect.lines_above,
        accept=frozenset(dialect.accept),
        wanted=wanted,
    )
