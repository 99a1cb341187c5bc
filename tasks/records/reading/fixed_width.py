"""Text of fixed width: each line is a record, each column has a fixed position."""

import csv
from itertools import pairwise
from pathlib import Path
from typing import Literal, NoReturn

import polars as pl
from pydantic import Field, model_validator

from blocks.errors import FileHeld
from tasks.agreements.base import Settings
from tasks.records.reading.dialect import Dialect
from tasks.records.reading.encoding import detect, utf8_pieces
from tasks.records.reading.workbook import SEPARATOR

_CONVERTED_NAME, _LINES_NAME = "converted.csv", "lines.txt"
_NEVER = "\x1f"
"""Separator used to read whole lines; files that contain it are held."""


class FixedColumn(Settings):
    """A column of a file with fixed width."""

    name: str = Field(min_length=1, max_length=200, description="Name of the column.")
    start: int = Field(ge=1, le=100_000, description="Position of its first character, from 1.")
    length: int = Field(ge=1, le=100_000, description="Number of characters.")


class FixedWidth(Settings):
    """Files are text of fixed width, without header: one line per record."""

    kind: Literal["fixed-width"] = Field(description="Text in which columns have fixed positions.")
    columns: list[FixedColumn] = Field(
        min_length=1, max_length=1_000, description="The columns, in any order; gaps are ignored."
    )

    @model_validator(mode="after")
    def _apart(self) -> "FixedWidth":
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError("columns: give each column a different name.")
        ordered = sorted(self.columns, key=lambda column: column.start)
        for before, after in pairwise(ordered):
            if before.start + before.length > after.start:
                raise ValueError(
                    f"columns: {before.name!r} and {after.name!r} overlap; correct one of them."
                )
        return self

    @property
    def width(self) -> int:
        """Characters of a line up to the end of the last column."""
        return max(column.start + column.length - 1 for column in self.columns)


def fixed_width_to_csv(path: Path, folder: Path, agreed: FixedWidth, dialect: Dialect) -> Path:
    """Write the columns as CSV into `folder`: UTF-8, separated by ";", without header.

    Line N of the result is line N of the file. Blanks around values are removed; the last cells of
    a short line are empty. FileHeld with reason "encoding", "cut", or "columns" for control
    characters.
    """
    encoding, bom = detect(path, dialect.encoding)
    lines, target = folder / _LINES_NAME, folder / _CONVERTED_NAME
    last = b"\n"
    with lines.open("wb") as stream:
        for piece in utf8_pieces(path, encoding, bom=bom):
            if _NEVER.encode() in piece:
                _hold("The file has control characters", "columns")
            stream.write(piece)
            last = piece[-1:] or last
    if dialect.final_newline == "required" and last != b"\n":
        _hold("The last line does not end with a line break: the file may be truncated", "cut")
    # One column per line, so that empty lines are kept.
    read = pl.scan_csv(
        lines, separator=_NEVER, has_header=False, new_columns=["line"], quote_char=None,
        schema={"line": pl.String},
    )  # fmt: skip
    line = pl.col("line").fill_null("").str.strip_chars_end("\r")
    cells = [
        line.str.slice(column.start - 1, column.length).str.strip_chars(" \t")
        for column in agreed.columns
    ]
    blank = line.str.strip_chars(" \t") == ""
    record = pl.concat_str(map(_quoted, cells), separator=SEPARATOR)
    table = read.select(pl.when(blank).then(pl.lit("")).otherwise(record))
    table.sink_csv(target, include_header=False, line_terminator="\r\n", quote_style="never")
    lines.unlink()
    return target


def _quoted(cell: pl.Expr) -> pl.Expr:
    quoted = pl.concat_str(pl.lit('"'), cell.str.replace_all('"', '""', literal=True), pl.lit('"'))
    return pl.when(cell.str.contains(rf'[{SEPARATOR}"]')).then(quoted).otherwise(cell)


def csv_to_fixed_width(path: Path, target: Path, agreed: FixedWidth, encoding: str) -> None:
    """Write such a CSV file as lines of fixed width; further cells follow at the end."""
    with (
        path.open(encoding="utf-8", newline="") as stream,
        target.open("w", encoding=encoding, errors="replace", newline="") as out,
    ):
        for row in csv.reader(stream, delimiter=SEPARATOR):
            line = [" "] * agreed.width
            for column, text in zip(agreed.columns, row, strict=False):
                at = column.start - 1
                line[at : at + column.length] = text[: column.length].ljust(column.length)
            out.write("  ".join(["".join(line), *row[len(agreed.columns) :]]).rstrip() + "\r\n")


def _hold(fact: str, reason: str) -> NoReturn:
    raise FileHeld(
        f"{fact}. Accepted is text of fixed width, one line per record; ask the client to send the "
        "file again.",
        reason=reason,
    )
