"""The reject file: rejects in the client's own dialect, to be corrected and sent again."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import polars as pl

from tasks.records.reading.dialect import FileDialect
from tasks.records.reading.encoding import BOMS
from tasks.records.results.reasons import Language, sentence

REJECT_COLUMNS = ("reject_line", "reject_column", "reject_reason", "reject_original")
"""Columns added after the client's own; a file that is sent again may keep them."""


def write_rejects(
    path: Path,
    rejects: Iterable[pl.DataFrame],
    dialect: FileDialect,
    language: Language,
    *,
    above: str = "",
) -> int:
    """Write frames of schema REJECTS as a CSV file and return the number of records.

    Encoding, separator, quote, header and line ends are the client's. The client's columns contain
    the original cells (as many as could be parsed), followed by REJECT_COLUMNS: the line on which
    the record starts, the columns at fault, the reasons as sentences, and the original line if the
    cells are not complete. A corrected file can be sent again: unmapped columns are ignored. A
    character that the encoding lacks becomes "?". Without a quote character, separators and line
    breaks in the added columns become blanks. `above` is a line above all others.
    """
    written = 0
    with path.open("w", encoding=dialect.encoding, errors="replace", newline="") as stream:
        if dialect.bom:
            stream.write(BOMS[dialect.encoding].decode(dialect.encoding))
        if above:
            _write(stream, [above], dialect)
        for row in _rows(rejects, dialect, language):
            _write(stream, row, dialect)
            written += 1
    return written - dialect.header


def _rows(
    rejects: Iterable[pl.DataFrame], dialect: FileDialect, language: Language
) -> Iterator[list[str]]:
    # A corrected reject file already has REJECT_COLUMNS.
    own = [at for at, name in enumerate(dialect.columns) if name not in REJECT_COLUMNS]
    if dialect.header:
        yield [*(dialect.columns[at] for at in own), *REJECT_COLUMNS]
    for frame in rejects:
        for record in frame.iter_rows(named=True):
            cells = record["cells"] or []
            kept = [cells[at] if at < len(cells) else "" for at in own]
            yield [*kept, *_explained(record, language)]


def _explained(record: dict[str, Any], language: Language) -> list[str]:
    """Values of REJECT_COLUMNS; several faults are joined in one cell, in the same order."""
    columns = ", ".join(dict.fromkeys(name for name in record["columns"] if name))
    reasons = " ".join(dict.fromkeys(sentence(code, language) for code in record["reasons"]))
    return [str(record["line"]), columns, reasons, record["original"] or ""]


def _write(stream: TextIO, row: list[str], dialect: FileDialect) -> None:
    if dialect.quote is None:
        clean = str.maketrans({dialect.separator: " ", "\r": " ", "\n": " "})
        own = len(row) - len(REJECT_COLUMNS)
        cells = [*row[:own], *(cell.translate(clean) for cell in row[own:])]
        stream.write(dialect.separator.join(cells) + dialect.line_end)
        return
    csv.writer(
        stream,
        delimiter=dialect.separator,
        quotechar=dialect.quote,
        lineterminator=dialect.line_end,
    ).writerow(row)
