"""Excel workbooks: what a person reads in a cell is what is sent, or the file is held."""

import csv
import zipfile
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from blocks.errors import FileHeld
from tasks.records.reading.workbook import ExcelWorkbook, csv_to_workbook, workbook_to_csv

pytestmark = pytest.mark.core

AGREED = ExcelWorkbook(kind="xlsx")
MAPPED = ("email", "Cellulare", "nato il")
HEADER = ["email", "Cellulare", "nato il", "speso"]


def made(
    tmp_path: Path, *rows: Iterable[Any], fill: Callable[[Worksheet], None] | None = None
) -> Path:
    """A workbook with one sheet of these rows."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    if fill:
        fill(book.active)
    book.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


def converted(path: Path, agreed: ExcelWorkbook = AGREED) -> list[list[str]]:
    """The rows of the CSV file that a workbook becomes."""
    target = workbook_to_csv(path, path.parent, agreed, MAPPED)
    with target.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter=";"))


def held(path: Path, agreed: ExcelWorkbook = AGREED) -> FileHeld:
    """Why a workbook is held."""
    with pytest.raises(FileHeld) as caught:
        workbook_to_csv(path, path.parent, agreed, MAPPED)
    return caught.value


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        ("Niccolò; \"Nic\"", "General", "Niccolò; \"Nic\""),
        ("first\nsecond", "General", "first second"),
        ("0039 333 1234567", "@", "0039 333 1234567"),
        ("=1+1 as text", "@", "=1+1 as text"),
        (3331234567, "General", "3331234567"),
        (3331234567.0, "0", "3331234567"),
        (393331234567, "General", "393331234567"),
        (612345, "0000000000", "0000612345"),
        (True, "General", "TRUE"),
        (date(1980, 12, 31), "dd/mm/yyyy", "1980-12-31"),
        (datetime(1980, 12, 31, 9, 5), "yyyy-mm-dd hh:mm", "1980-12-31 09:05:00"),  # noqa: DTZ001
    ],
)  # fmt: skip
def test_a_cell_is_what_is_read_in_it(
    tmp_path: Path, value: object, number_format: str, text: str
) -> None:
    """Texts, whole numbers, zero padding and dates."""

    def fill(sheet: Worksheet) -> None:
        sheet["B2"].value = value
        sheet["B2"].number_format = number_format
        if isinstance(value, str):
            sheet["B2"].data_type = "s"

    rows = converted(made(tmp_path, HEADER, ["a@example.it"], fill=fill))
    assert rows == [HEADER, ["a@example.it", text, "", ""]]


@pytest.mark.parametrize(
    ("value", "number_format", "why"),
    [
        (3331234567, "#,##0", "number format '#,##0'"),
        (3331234567, "0.00", "number format '0.00'"),
        (3331234567, "0.00E+00", "number format"),
        (3331234567, "000\\-0000000", "number format"),
        (33312345.5, "0", "number format '0'"),
        (3931234567890123456, "General", "more than 15 digits"),
        (time(9, 5), "hh:mm", "time of day"),
        ("=A2", "General", "without a stored result"),
    ],
)
def test_a_mapped_cell_that_is_not_certain_holds_the_file(
    tmp_path: Path, value: object, number_format: str, why: str
) -> None:
    """The cell and the reason are named; what is in it is not."""

    def fill(sheet: Worksheet) -> None:
        sheet["B3"].value, sheet["B3"].number_format = value, number_format

    error = held(made(tmp_path, HEADER, ["a@example.it", "333"], ["b@example.it"], fill=fill))
    assert error.context["reason"] == "cell_format"
    assert "Cell B3" in str(error) and why in str(error)
    assert "333123" not in str(error) and "393123" not in str(error)


def test_columns_that_are_not_mapped_may_hold_anything(tmp_path: Path) -> None:
    """A price, a formula and a duration hold nothing up where nobody uses them."""

    def fill(sheet: Worksheet) -> None:
        sheet["D2"].value, sheet["D2"].number_format = 12.5, "#,##0.00 €"
        sheet["D3"].value = "=D2*2"

    path = made(tmp_path, HEADER, ["a@example.it"], ["b@example.it"], fill=fill)
    assert [row[0] for row in converted(path)] == ["email", "a@example.it", "b@example.it"]


def test_lines_are_rows(tmp_path: Path) -> None:
    """Line N is row N of the sheet, whatever is empty; a title above is a line above."""
    path = made(tmp_path, ["Contatti"], [], HEADER, ["a@example.it"], [], ["", "333"])
    assert converted(path) == [
        ["Contatti", "", "", ""], [], HEADER, ["a@example.it", "", "", ""], [], ["", "333", "", ""],
    ]  # fmt: skip


def test_a_header_below_a_title_is_found_for_formats(tmp_path: Path) -> None:
    """Which column is mapped is decided by the row that names the columns."""

    def fill(sheet: Worksheet) -> None:
        sheet["B3"].value, sheet["B3"].number_format = 3331234567, "0.00"

    assert "Cell B3" in str(held(made(tmp_path, ["Contatti"], HEADER, ["a@x.it"], fill=fill)))


@pytest.mark.parametrize("sheet", ["", "2", "Contatti", "Altro", "7"])
def test_which_sheet_is_certain_or_asked(tmp_path: Path, sheet: str) -> None:
    """By name or number; without, only where one is visible."""
    book = Workbook()
    book.active.append(["Istruzioni"])
    book.create_sheet("Contatti").append(HEADER)
    book.save(tmp_path / "a.xlsx")
    agreed = ExcelWorkbook(kind="xlsx", sheet=sheet)
    if sheet in ("2", "Contatti"):
        assert converted(tmp_path / "a.xlsx", agreed) == [HEADER]
    else:
        error = held(tmp_path / "a.xlsx", agreed)
        assert error.context["reason"] == "sheet" and "table.sheet" in str(error)


def test_a_hidden_sheet_is_no_question(tmp_path: Path) -> None:
    """Lists for drop-down cells are often on hidden sheets."""
    book = Workbook()
    book.active.append(HEADER)
    book.create_sheet("lists").sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    assert converted(tmp_path / "a.xlsx") == [HEADER]


def test_what_goes_back_can_be_mended_and_sent_again(tmp_path: Path) -> None:
    """Every cell of a reject workbook is a text, formulas included, and is read as it was."""
    rows = [HEADER, ["a@example.it", "0039333", "=1+1", "  "], [], ["+39", "", "", "x"]]
    path = tmp_path / "rejects.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows(rows)
    csv_to_workbook(path, tmp_path / "a.xlsx", ExcelWorkbook(kind="xlsx", sheet="Contatti"))
    read = converted(tmp_path / "a.xlsx", ExcelWorkbook(kind="xlsx", sheet="Contatti"))
    assert read == [*rows[:2], [], ["+39", "", "", "x"]]


# What an attacker, or an accident, may send as a workbook.


def _rewritten(path: Path, part: str, content: bytes) -> Path:
    """The workbook with another content in one of its parts."""
    other = path.with_name("hostile.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.namelist():
            new.writestr(each, content if each == part else old.read(each))
    return other


SHEET = "xl/worksheets/sheet1.xml"
MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def _sheet(body: bytes, before: bytes = b"") -> bytes:
    return before + b"<worksheet " + MAIN + b"><sheetData>" + body + b"</sheetData></worksheet>"


LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
CELL = b'<row r="1"><c r="A1" t="inlineStr"><is><t>&a;</t></is></c></row>'


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (_sheet(CELL, LAUGHS), "archive"),
        (_sheet(CELL, OUTSIDE), "archive"),
        (_sheet(b'<row r="1"><c r="A1" t="s"><v>99</v></c></row>'), "archive"),
        (_sheet(b'<row r="1"><c r="A1" s="999"><v>1</v></c></row>'), "archive"),
        (_sheet(b'<row r="99999999999"><c r="A9"><v>1</v></c></row>'), "too_big"),
        (_sheet(b'<row r="1"><c r="XFD1"><v>1</v></c></row>'), "too_big"),
        (_sheet(b'<row r="1">' + b"<c><v>1</v></c>" * 1_500_000 + b"</row>"), "too_big"),
        (_sheet(b'<row r="1"><c r="A1"><v>1e999</v></c></row>'), "archive"),
        (b"not even XML", "archive"),
        (b"", "archive"),
    ],
    ids=[
        "entities", "a file of ours", "no such text", "no such style", "far row", "far column",
        "endless row", "infinite", "no xml", "empty",
    ],
)  # fmt: skip
def test_a_hostile_sheet_is_held(tmp_path: Path, content: bytes, reason: str) -> None:
    """Bombs, references and nonsense end as a held file, soon and in bounded memory."""
    error = held(_rewritten(made(tmp_path, HEADER), SHEET, content))
    assert error.context["reason"] == reason
    assert "root:" not in str(error)


@pytest.mark.timeout(30)
def test_empty_rows_are_nothing(tmp_path: Path) -> None:
    """Formatted but empty rows, of which Excel saves as many as one likes, make no lines."""
    rows = b"".join(b'<row r="%d"/>' % number for number in range(2, 50_000))
    head = b'<row r="1"><c r="A1" t="inlineStr"><is><t>email</t></is></c></row>'
    assert converted(_rewritten(made(tmp_path, HEADER), SHEET, _sheet(head + rows))) == [["email"]]


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"email;nome\r\n", b"\xd0\xcf\x11\xe0" * 99]
)
def test_what_is_no_workbook_is_held(tmp_path: Path, content: bytes) -> None:
    """A CSV file, an old .xls, half of a zip."""
    (tmp_path / "a.xlsx").write_bytes(content)
    assert held(tmp_path / "a.xlsx").context["reason"] == "archive"


def test_a_bomb_is_held_before_it_is_unpacked(tmp_path: Path) -> None:
    """Parts that declare more than any workbook of contacts has are not read."""
    path = _rewritten(made(tmp_path, HEADER), "xl/styles.xml", b" " * 60_000_000)
    assert held(path).context["reason"] == "too_big"
