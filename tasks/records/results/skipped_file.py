"""The list of skipped records, as a CSV file for the client."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from tasks.records.reading.dialect import FileDialect
from tasks.records.results.reasons import Language, sentence

SKIPPED: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "reason": pl.String(),
    "instead": pl.Int64(),
}
"""Schema of skipped records: the line, a code of `REASONS`, and the line that is used instead, or
null. No value of the record."""


def write_skipped(
    path: Path, skipped: Iterable[pl.DataFrame], dialect: FileDialect, language: Language
) -> None:
    """Write skipped records as CSV in UTF-8, with the client's separator: line, reason, instead."""
    with path.open("wb") as handle:
        handle.write(
            f"line{dialect.separator}reason{dialect.separator}line_that_counts\r\n".encode()
        )
        for frame in skipped:
            codes = frame["reason"].unique().to_list()
            sentences = {code: sentence(code, language) for code in codes}
            frame.with_columns(pl.col("reason").replace_strict(sentences)).write_csv(
                handle, include_header=False, separator=dialect.separator, line_terminator="\r\n"
            )
