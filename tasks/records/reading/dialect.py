"""The CSV dialect of a client's files: as agreed, and as found in one file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from blocks.errors import FileHeld
from tasks.agreements.base import Settings
from tasks.records.reading.encoding import PIECE, detect, utf8_pieces
from tasks.records.reading.header import HeaderLayout, read_layout

SEPARATORS = {";": ";", ",": ",", "|": "|", "tab": "\t"}
QUOTES = {'"': '"', "'": "'", "none": ""}


class Dialect(Settings):
    """The agreed format of a client's files."""

    encoding: Literal["auto", "utf-8", "cp1252", "iso-8859-1", "iso-8859-15", "utf-16"] = Field(
        default="auto",
        description=(
            "Encoding of the file. Auto accepts UTF-8, UTF-16 and, if certain, cp1252. A byte "
            "order mark is always removed."
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
    `line_end`: the first line break of the file.
    """

    encoding: str
    bom: bool
    separator: str
    quote: str | None
    columns: tuple[str, ...]
    header: bool
    header_lines: int = 1
    line_end: str = "\r\n"
    final_newline: Literal["required", "any"] = "required"
    max_line_bytes: int = 100_000
    max_record_lines: int = 100


def resolve(path: Path, dialect: Dialect) -> FileDialect:
    """Determine the dialect of a file; reads all of it to be certain of the encoding.

    Raises FileHeld with reason "empty", "encoding", "separator", "header" or "columns" if the file
    contradicts `dialect`, or if "auto" is not certain.
    """
    encoding, bom = detect(path, dialect.encoding)
    layout = _layout(path, dialect, encoding, bom=bom)
    return FileDialect(
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
    )


def _layout(path: Path, dialect: Dialect, encoding: str, *, bom: bool) -> HeaderLayout:
    """Separator and columns, from the start of the file."""
    head = b""
    for piece in utf8_pieces(path, encoding, bom=bom):
        head += piece
        if len(head) >= PIECE + dialect.max_line_bytes:
            break
    if not head.strip(b"\r\n"):
        raise FileHeld(
            "The file is empty. Accepted are files with at least one line; ask the client to send "
            "the file again.",
            reason="empty",
        )
    candidates = (
        tuple(SEPARATORS.values())
        if dialect.separator == "auto"
        else (SEPARATORS[dialect.separator],)
    )
    quote = QUOTES[dialect.quote].encode()
    return read_layout(head, candidates, quote, dialect.max_line_bytes, header=dialect.header)
