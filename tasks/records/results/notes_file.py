"""The list of cells that were not sent although their record was, as a CSV file for the client."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from tasks.records.reading.dialect import FileDialect
from tasks.records.results.reasons import REASONS, Language, sentence


def write_notes(
    path: Path, notes: Iterable[pl.DataFrame], dialect: FileDialect, language: Language
) -> None:
    """Write notes (schema CELL_NOTES) as CSV in UTF-8, with the client's separator."""
    sentences = {code: sentence(code, language) for code in REASONS}
    with path.open("wb") as handle:
        handle.write("line,column,reason\r\n".replace(",", dialect.separator).encode())
        for frame in notes:
            frame.with_columns(pl.col("reason").replace_strict(sentences)).write_csv(
                handle, include_header=False, separator=dialect.separator, line_terminator="\r\n"
            )
