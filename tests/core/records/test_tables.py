"""Workbooks and fixed width: the same checks as for CSV, and rejects in the client's own form."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from tasks.records.agreement import ImportAgreement
from tasks.records.open_file import as_csv
from tasks.records.read_file import read_file
from tasks.records.reading.tables import from_csv
from tasks.records.results.parts import read_parts
from tasks.records.results.reject_file import write_rejects
from tasks.records.stages import AccountFacts, Prepared
from tests.core.full_files import agreed

pytestmark = pytest.mark.core

COLUMNS = [
    {"column": "email", "target": "email"},
    {"column": "nome", "target": "field", "field": "nome"},
    {"column": "cellulare", "target": "mobile"},
]
ROWS = [
    ("anna@example.it", "Anna", "3331234567"),
    ("", "", ""),
    ("bea@@example.it", "Bea", "3331234568"),
    ("cleo@example.it", "Cleo", "12"),
]
PLACES = [
    {"name": "email", "start": 1, "length": 20},
    {"name": "nome", "start": 21, "length": 10},
    {"name": "cellulare", "start": 31, "length": 12},
]
WORKBOOK = {"kind": "xlsx"}
FIXED = {"kind": "fixed-width", "columns": PLACES}


def _agreement(table: dict[str, Any]) -> ImportAgreement:
    return agreed(
        mode="incremental", delta={"on": False}, table=table, dialect={},
        mapping={"columns": COLUMNS},
    )  # fmt: skip


def _sent(path: Path, table: dict[str, Any]) -> Path:
    """The client's file in its own form."""
    if table is FIXED:
        lines = ["".join(map(str.ljust, row, (20, 10, 12))).rstrip() for row in ROWS]
        path.write_text("".join(f"{line}\r\n" for line in lines), encoding="utf-8")
        return path
    book = Workbook()
    for row in [[each["column"] for each in COLUMNS], *ROWS]:
        book.active.append([text or None for text in row])
    book.save(path)
    return path


def _read(path: Path, folder: Path, agreement: ImportAgreement) -> Prepared:
    folder.mkdir()
    opened = as_csv(agreement, path, folder)
    facts = AccountFacts(fields={1: "nome"})
    return read_file(opened, agreement, facts, folder, batch_size=100, today=date(2026, 5, 15))


def _rejected(prepared: Prepared) -> list[tuple[int, str | None]]:
    return [
        (record["line"], (record["cells"] or [None])[0])
        for part in read_parts(prepared.rejects)
        for record in part.iter_rows(named=True)
    ]


@pytest.mark.parametrize(("table", "first"), [(WORKBOOK, 2), (FIXED, 1)], ids=["xlsx", "fixed"])
def test_the_same_checks_and_rejects_that_come_back(
    tmp_path: Path, table: dict[str, Any], first: int
) -> None:
    """Good records are sent, bad ones are named by row or line; what the client gets back, mended
    by hand or not, is read like what it sent."""
    agreement = _agreement(table)
    prepared = _read(_sent(tmp_path / "a", table), tmp_path / "one", agreement)
    assert prepared.counts.submitted == 1
    assert _rejected(prepared) == [(first + 2, "bea@@example.it"), (first + 3, "cleo@example.it")]

    assert prepared.dialect
    write_rejects(tmp_path / "rejects", read_parts(prepared.rejects), prepared.dialect, "en")
    back, ending = from_csv(tmp_path / "rejects", agreement.table, agreement.dialect)
    again = _read(back, tmp_path / "two", agreement)
    assert again.counts.submitted == 0
    assert [cell for _, cell in _rejected(again)] == ["bea@@example.it", "cleo@example.it"]

    mended = _mended(back, tmp_path / f"mended{ending}")
    assert _read(mended, tmp_path / "three", agreement).counts.submitted == 1


def _mended(path: Path, target: Path) -> Path:
    """What a person does with the rejects: the address is corrected."""
    if target.suffix == ".txt":
        text = path.read_text(encoding="utf-8")
        target.write_text(text.replace("bea@@example.it ", "bea@example.it  "), encoding="utf-8")
        return target
    with path.open("rb") as file:
        book = load_workbook(file)
    book.active["A2"].value = "bea@example.it"
    book.save(target)
    return target


def test_csv_stays_as_it_is(tmp_path: Path) -> None:
    """Without another form, the file itself is read and nothing is converted."""
    path = tmp_path / "a.csv"
    path.write_text("email;nome;cellulare\r\n", encoding="utf-8")
    agreement = agreed()
    assert as_csv(agreement, path, tmp_path) == path
    assert agreement.csv_dialect is agreement.dialect
