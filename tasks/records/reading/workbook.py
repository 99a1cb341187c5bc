"""Excel workbooks (.xlsx): one sheet becomes a CSV file, and a CSV file becomes a workbook.

A cell becomes the text that a person reads in it, as far as that is certain. Where it is not (a
currency, a rounded number, a formula without a stored result), the file is held with the cell and
its format, if the agreement uses the column. Formulas and macros are not run, and nothing that a
workbook refers to is opened.
"""

import csv
import re
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, Literal, NoReturn, TextIO

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from pydantic import Field

from blocks.errors import FileHeld
from blocks.errors.shown import visible
from tasks.agreements.base import Settings

_CONVERTED_NAME = "converted.csv"
SEPARATOR = ";"
"""Separator of the converted CSV file; it is UTF-8, with quotes where needed."""
_MOST_MEMBERS = 2_000
_MOST_ROWS = 1_048_576
_MOST_COLUMNS = 1_000
_MOST_HEADER_ROWS = 60
_MOST_SHEET_BYTES = 2_000_000_000
_MOST_STRING_BYTES = 200_000_000
_MOST_OTHER_BYTES = 50_000_000
_MOST_ROW_BYTES = 20_000_000
"""Also applies to the part after the last row of a sheet: Excel adds a link per address there."""
_BOOK, _SHEETS = "xl/workbook.xml", "xl/worksheets/"
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PIECE = 1 << 20
_ROW = re.compile(rb"<(?:\w+:)?row\b")
_FORMULA = re.compile(rb"<(?:\w+:)?f[ />]")
_NO_RESULT = SimpleNamespace(value=0, number_format="General")
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, InvalidFileException, ValueError, TypeError, LookupError,
    AttributeError, ArithmeticError, SyntaxError, EOFError, NotImplementedError, RecursionError,
)  # fmt: skip
"""Errors of openpyxl for damaged files."""
_WHOLE_DIGITS = 15
"""Digits of a number that Excel keeps; it replaces further ones by zeros."""
_AS_IT_IS = {"General", "@", "0"}
_PADDED = re.compile(r"0{2,20}")
_BREAKS = re.compile(r"[\r\n]+")
_SAYS = (
    "Accepted are .xlsx workbooks whose mapped columns hold text, whole numbers and dates; ask the "
    "client to format these columns as text, or agree on CSV."
)


class ExcelWorkbook(Settings):
    """Files are Excel workbooks: one row of the sheet per record."""

    kind: Literal["xlsx"] = Field(description="Excel workbook (.xlsx, .xlsm; not .xls).")
    sheet: str = Field(
        default="",
        max_length=31,
        description=(
            "Name of the sheet, or its number from 1; empty if the workbook has only one that is "
            "visible."
        ),
    )


@dataclass
class _Unclear:
    """Per column, the first cell whose text is not certain: its row and why."""

    cells: dict[int, tuple[int, str]] = field(default_factory=dict)

    def add(self, row: int, column: int, why: str) -> None:
        """Add a cell; rows and columns count from 1."""
        self.cells.setdefault(column, (row, why))

    def check(self, mapped: Iterable[str], top: Sequence[Sequence[str]]) -> None:
        """Raise FileHeld if a mapped column has such a cell."""
        names = _columns_of(set(mapped), top)
        for column, (row, why) in sorted(self.cells.items()):
            if column in names:
                cell = f"{get_column_letter(column)}{row}"
                _hold(f"Cell {cell}, in a mapped column, {why}", "cell_format")


def workbook_to_csv(path: Path, folder: Path, agreed: ExcelWorkbook, mapped: Iterable[str]) -> Path:
    """Write a sheet as CSV into `folder`: UTF-8, separated by ";", one line per row.

    Line N of the file is row N of the sheet; line breaks within cells become blanks for that.
    `mapped`: names of the columns that the agreement uses. FileHeld with reason "archive" if it is
    no such workbook, "sheet", "too_big" or "cell_format".
    """
    _check_members(path)
    narrow, target, unclear = folder / "narrow.csv", folder / _CONVERTED_NAME, _Unclear()
    width = 0
    top: list[list[str]] = []
    with _writing(narrow) as (stream, out):
        for texts in _text_rows(path, agreed, unclear):
            width = max(width, len(texts))
            if texts and len(top) < _MOST_HEADER_ROWS:
                top.append(texts)
            out.writerow(texts) if texts else stream.write("\r\n")
    unclear.check(mapped, top)
    with narrow.open(encoding="utf-8", newline="") as read, _writing(target) as (stream, out):
        for texts in csv.reader(read, delimiter=SEPARATOR):
            padded = [*texts, *[""] * (width - len(texts))]
            out.writerow(padded) if texts else stream.write("\r\n")
    narrow.unlink()
    return target


def is_workbook(path: Path) -> bool:
    """Whether a file is a zip with the parts of an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _BOOK in (name.lower() for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def csv_to_workbook(path: Path, target: Path, agreed: ExcelWorkbook) -> None:
    """Write such a CSV file as a workbook with one sheet, every cell as text."""
    book = Workbook(write_only=True)
    number = agreed.sheet.isdecimal() or not agreed.sheet
    sheet = book.create_sheet("1" if number else agreed.sheet)
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.reader(stream, delimiter=SEPARATOR):
            sheet.append([_text_cell(sheet, text) for text in row])
    book.save(target)


def _text_cell(sheet: Any, text: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", text))
    cell.data_type, cell.number_format = "s", "@"  # "=1+1" stays a text
    return cell


@contextmanager
def _writing(path: Path) -> Iterator[tuple[TextIO, Any]]:
    with path.open("w", encoding="utf-8", newline="") as stream:
        yield stream, csv.writer(stream, delimiter=SEPARATOR)


def _check_members(path: Path) -> None:
    """Raise FileHeld if a workbook has too many or too large parts.

    zipfile reads no more of a part than its declared size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError):
        _hold("The file is no .xlsx workbook, or it is truncated", "archive")
    if len(members) > _MOST_MEMBERS:
        _hold(f"The workbook has more than {_MOST_MEMBERS:,} parts", "too_big")
    for member in members:
        name = member.filename.lower()
        if member.flag_bits & 1 or member.compress_type not in _COMPRESSIONS:
            _hold("The workbook is encrypted, or compressed in an unusual way", "archive")
        most = _MOST_STRING_BYTES if name == "xl/sharedstrings.xml" else _MOST_OTHER_BYTES
        most = _MOST_SHEET_BYTES if name.startswith(_SHEETS) else most
        if member.file_size > most:
            _hold(f"A part of the workbook has more than {most:,} bytes", "too_big")


def _text_rows(path: Path, agreed: ExcelWorkbook, unclear: _Unclear) -> Iterator[list[str]]:
    """The rows as texts, without empty cells at their ends and empty rows at the end."""
    empty = 0
    try:
        for number, row in enumerate(_rows(path, agreed), 1):
            if number > _MOST_ROWS or len(row) > _MOST_COLUMNS:
                _hold(f"It has over {_MOST_ROWS:,} rows or {_MOST_COLUMNS:,} columns", "too_big")
            texts = [_text(cell, number, at, unclear) for at, cell in enumerate(row, 1)]
            while texts and not texts[-1]:
                texts.pop()
            if not texts:
                empty += 1
                continue
            yield from ([] for _ in range(empty))
            yield texts
            empty = 0
    except _DAMAGE:
        _hold("The workbook is damaged, or its content is not that of a workbook", "archive")


def _rows(path: Path, agreed: ExcelWorkbook) -> Iterator[Sequence[Any]]:
    """The cells of the sheet, with the stored results of formulas."""
    has_formulas = _scan_sheets(path)
    with warnings.catch_warnings(), path.open("rb") as file, path.open("rb") as again:
        warnings.simplefilter("ignore")  # about features that do not affect cells
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = _sheet(book.worksheets, agreed)
        sheet.reset_dimensions()  # a workbook may declare any size
        if not has_formulas:
            yield from sheet.iter_rows()
            return
        written = load_workbook(again, read_only=True, keep_links=False)[sheet.title]
        written.reset_dimensions()
        for row, formulas in zip(sheet.iter_rows(), written.iter_rows(), strict=True):
            yield [_with_result(*pair) for pair in zip(row, formulas, strict=True)]


def _with_result(cell: Any, written: Any) -> Any:
    return _NO_RESULT if written.data_type == "f" and cell.value is None else cell


def _sheet(sheets: Sequence[Any], agreed: ExcelWorkbook) -> Any:
    """The agreed sheet of a workbook. FileHeld unless it is exactly one."""
    named = [sheet for sheet in sheets if sheet.title == agreed.sheet]
    if not agreed.sheet:
        named = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
    elif not named and agreed.sheet.isdecimal() and 1 <= int(agreed.sheet) <= len(sheets):
        named = [sheets[int(agreed.sheet) - 1]]
    if len(named) != 1:
        wanted = "is the agreed one" if agreed.sheet else "is to be imported"
        raise FileHeld(
            f"The workbook has {len(sheets)} sheets, and it is not known which {wanted}. Set "
            "table.sheet to the name of the sheet, or to its number from 1.",
            reason="sheet",
        )
    return named[0]


def _scan_sheets(path: Path) -> bool:
    """Whether there are formulas. FileHeld if a row is too long for memory."""
    with zipfile.ZipFile(path) as archive:
        parts = [name for name in archive.namelist() if name.lower().startswith(_SHEETS)]
        found = [_has_formulas(part) for part in map(archive.open, parts)]
    return any(found)


def _has_formulas(part: IO[bytes]) -> bool:
    since_row, has_formulas, rest = 0, False, b""
    with part:
        while piece := part.read(_PIECE):
            text = rest + piece
            has_formulas = has_formulas or _FORMULA.search(text) is not None
            last = max((found.end() for found in _ROW.finditer(text)), default=-1)
            since_row = len(text) - last if last >= 0 else since_row + len(piece)
            if since_row > _MOST_ROW_BYTES:
                _hold(f"A row of a sheet has more than {_MOST_ROW_BYTES:,} bytes", "too_big")
            rest = text[-32:]
    return has_formulas


def _text(cell: Any, row: int, column: int, unclear: _Unclear) -> str:
    """The text that a person reads in a cell."""
    value = cell.value
    if value is None or isinstance(value, str):
        return _BREAKS.sub(" ", value or "")
    if cell is _NO_RESULT:
        unclear.add(row, column, "is a formula without a stored result")
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds").removesuffix(" 00:00:00")
    text, why = _number(value, cell.number_format)
    if why:
        unclear.add(row, column, why)
    return text


def _number(value: Any, number_format: str) -> tuple[str, str]:
    """The text of a number, and why it is not certain; empty where it is."""
    if not isinstance(value, int | float):
        return str(value), "is a time of day, or a duration"
    if value != int(value):
        exact = number_format in ("General", "@")
        return repr(value), "" if exact else f"has the number format {_shown(number_format)}"
    whole = str(int(value))
    if len(whole.lstrip("-")) > _WHOLE_DIGITS:
        return whole, f"is a number of more than {_WHOLE_DIGITS} digits, of which Excel lost some"
    if number_format in _AS_IT_IS:
        return whole, ""
    if _PADDED.fullmatch(number_format) and value >= 0:
        return whole.zfill(len(number_format)), ""
    return whole, f"has the number format {_shown(number_format)}"


def _shown(number_format: str) -> str:
    return repr(visible(number_format[:40]))


def _columns_of(mapped: set[str], top: Sequence[Sequence[str]]) -> set[int]:
    """Numbers of the mapped columns: those named in the row that has most of the names."""
    plain = {_plain(name) for name in mapped}
    by_row = [{at for at, text in enumerate(row, 1) if _plain(text) in plain} for row in top]
    found = max(by_row, key=len, default=set())
    by_number = {int(name[1:]) for name in mapped if re.fullmatch(r"#\d+", name)}
    # Without a header, every column may be used.
    return found | by_number or set(range(1, _MOST_COLUMNS + 1))


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


def _hold(fact: str, reason: str) -> NoReturn:
    raise FileHeld(f"{fact}. {_SAYS}", reason=reason)
