"""Converts files of other formats to CSV and back."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tasks.records.reading.dialect import Dialect, FileDialect
from tasks.records.reading.fixed_width import FixedWidth, csv_to_fixed_width, fixed_width_to_csv
from tasks.records.reading.workbook import (
    SEPARATOR,
    ExcelWorkbook,
    csv_to_workbook,
    workbook_to_csv,
)

FileTable = Annotated[ExcelWorkbook | FixedWidth, Field(discriminator="kind")]


def to_csv(
    path: Path, folder: Path, table: FileTable | None, dialect: Dialect, mapped: Iterable[str]
) -> Path:
    """Convert a file to CSV in `folder`; `path` itself if CSV is agreed."""
    if table is None:
        return path
    if isinstance(table, ExcelWorkbook):
        return workbook_to_csv(path, folder, table, mapped)
    return fixed_width_to_csv(path, folder, table, dialect)


def dialect_of_csv(table: FileTable | None, dialect: Dialect) -> Dialect:
    """The dialect of the CSV file that `to_csv` writes."""
    if table is None:
        return dialect
    changes = {"encoding": "utf-8", "separator": SEPARATOR, "quote": '"'}
    header = dialect.header and isinstance(table, ExcelWorkbook)
    return dialect.model_copy(update={**changes, "header": header})


def positions(table: FileTable | None) -> dict[str, str]:
    """Agreed names of columns of files without header, and their positions ("#3")."""
    if not isinstance(table, FixedWidth):
        return {}
    return {column.name: f"#{number}" for number, column in enumerate(table.columns, 1)}


def with_names(table: FileTable | None, dialect: FileDialect) -> FileDialect:
    """The dialect with the agreed column names, if the file has no header."""
    if not isinstance(table, FixedWidth):
        return dialect
    return replace(dialect, columns=tuple(column.name for column in table.columns))


def from_csv(path: Path, table: FileTable | None, dialect: Dialect) -> tuple[Path, str]:
    """Convert a CSV file to the client's format; return the new file and its name's ending."""
    if table is None:
        return path, ".csv"
    target = path.with_name(f"{path.name}.own")
    if isinstance(table, ExcelWorkbook):
        csv_to_workbook(path, target, table)
        return target, ".xlsx"
    encoding = "utf-8" if dialect.encoding == "auto" else dialect.encoding
    csv_to_fixed_width(path, target, table, encoding)
    return target, ".txt"
