"""From a client's file to CSV: unpacked, and converted where another form is agreed."""

from pathlib import Path

from tasks.records.agreement import ImportAgreement
from tasks.records.reading.tables import to_csv
from tasks.records.reading.unpack import unpack
from tasks.records.reading.workbook import ExcelWorkbook


def as_csv(agreement: ImportAgreement, path: Path, folder: Path) -> Path:
    """The CSV file that is in a file, in `folder`; `path` itself if it is one.

    Raises FileHeld if it is not what was agreed.
    """
    if not isinstance(agreement.table, ExcelWorkbook):  # a workbook is a zip, too
        path = unpack(path, folder, agreement.unpacking)
    return to_csv(path, folder, agreement.table, agreement.dialect, agreement.column_names)
