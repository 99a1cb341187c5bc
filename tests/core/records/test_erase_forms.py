"""A person is taken out of files of every form, also of what no import reads of them."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment

from blocks.errors import FileHeld
from tasks.records.agreement import ImportAgreement
from tasks.records.archive.erase import Person
from tasks.records.archive.forms import erased, erased_as_it_came

ANNA = Person.of("anna@example.it")
ROWS = [["email", "nome"], ["anna@example.it", "Anna"], ["bea@example.it", "Bea"]]
OTHERS = [ROWS[0], ROWS[2]]
EXCEL = {"kind": "xlsx"}
WIDE = {"kind": "fixed-width", "columns": [{"name": "email", "start": 1, "length": 20}]}


def agreed(**more: Any) -> ImportAgreement:
    known = {
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
        "mapping": {"columns": [{"column": "email", "target": "email"}]},
    }  # fmt: skip
    return ImportAgreement.model_validate(known | more)


def workbook(path: Path, rows: list[list[str]]) -> Workbook:
    made = Workbook()
    for row in rows:
        made.active.append(row)
    made.save(path)
    return made


def rows_of(path: Path) -> list[list[Any]]:
    return [
        [cell for cell in row if cell]
        for sheet in load_workbook(io.BytesIO(path.read_bytes())).worksheets
        for row in sheet.iter_rows(values_only=True)
    ]


def test_a_person_leaves_a_workbook(tmp_path: Path) -> None:
    """The rows of others stay."""
    path = tmp_path / "a.xlsx"
    workbook(path, ROWS)
    records, left = erased(path, tmp_path, agreed(table=EXCEL), ANNA, blank=False)
    assert (records, rows_of(left)) == (1, OTHERS)


@pytest.mark.parametrize("where", ["another sheet", "a hidden sheet", "a comment", "the author"])
def test_what_no_import_reads_of_a_workbook_is_looked_through(tmp_path: Path, where: str) -> None:
    """Another sheet, a comment and the properties go with the person in them."""
    path = tmp_path / "a.xlsx"
    made = workbook(path, OTHERS)
    if where == "a comment":
        made.active["B2"].comment = Comment("ask anna@example.it", "somebody")
    elif where == "the author":
        made.properties.creator = "anna@example.it"
    else:
        made.create_sheet("other").append(["anna@example.it", "Anna"])
        made["other"].sheet_state = "hidden" if "hidden" in where else "visible"
    made.save(path)
    table = EXCEL | {"sheet": "Sheet"}
    records, left = erased(path, tmp_path, agreed(table=table), ANNA, blank=False)
    assert (records, rows_of(left)) == (1, OTHERS)
    texts = b"".join(zipfile.ZipFile(left).read(name) for name in zipfile.ZipFile(left).namelist())
    assert b"anna" not in texts


def test_a_workbook_without_the_person_is_left_as_it_is(tmp_path: Path) -> None:
    """Nothing is written anew for nothing."""
    path = tmp_path / "a.xlsx"
    workbook(path, OTHERS)
    assert erased(path, tmp_path, agreed(table=EXCEL), ANNA, blank=True) == (0, path)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_fixed_width_is_searched_beyond_its_columns(tmp_path: Path, encoding: str) -> None:
    """A line goes wherever in it the person is, and keeps its number where that is asked for."""
    path = tmp_path / "a.txt"
    lines = [
        "anna@example.it     x",
        "bea@example.it      già",
        "c@example.it        anna@example.it",
    ]
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode(encoding))
    records, left = erased(path, tmp_path, agreed(table=WIDE), ANNA, blank=True)
    assert records == 2
    expected = f"\r\n{lines[1]}\r\n\r\n"
    assert left.read_bytes().decode(encoding) == expected


def test_fixed_width_that_is_no_text_is_told(tmp_path: Path) -> None:
    """Nobody is found in a file that only is called so."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(FileHeld, match="not text"):
        erased(path, tmp_path, agreed(table=WIDE), ANNA, blank=True)


@pytest.mark.parametrize("content", [b"email\r\nanna@example.it\r\n", b"PK\x03\x04"])
def test_other_members_of_a_zip_go_if_the_person_may_be_in_them(
    tmp_path: Path, content: bytes
) -> None:
    """Of the zip that came the imported member is kept alone; who is in none keeps it whole."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("subscribed.csv", "email\r\nbea@example.it\r\n")
        archive.writestr("unsubscribed.csv", content)
    agreement = agreed(unpacking={"member": "subscribed*"})
    records, left = erased_as_it_came(path, tmp_path, agreement, ANNA)
    assert records == 1
    assert left.read_bytes() == b"email\r\nbea@example.it\r\n"


@pytest.mark.timeout(20)
def test_a_bomb_beside_the_imported_member_goes_unseen(tmp_path: Path) -> None:
    """What expands beyond the limits is not searched, and may have the person: it is removed."""
    path = tmp_path / "a.zip"
    bomb = zipfile.ZipInfo("notes.txt")
    bomb.compress_type = zipfile.ZIP_BZIP2
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("subscribed.csv", "email\r\nbea@example.it\r\n")
        with archive.open(bomb, "w") as member:
            for _ in range(30):
                member.write(b"\0" * 1_000_000)
    agreement = agreed(unpacking={"member": "subscribed*"})
    records, left = erased_as_it_came(path, tmp_path, agreement, ANNA)
    assert records == 1
    assert left.read_bytes() == b"email\r\nbea@example.it\r\n"
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 1_000_000


def test_a_zip_without_the_person_is_no_find(tmp_path: Path) -> None:
    """Neither its member nor another one has the person."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("subscribed.csv", "email\r\nbea@example.it\r\n")
        archive.writestr("unsubscribed.csv", "email\r\ncleo@example.it\r\n")
    agreement = agreed(unpacking={"member": "subscribed*"})
    assert erased_as_it_came(path, tmp_path, agreement, ANNA)[0] == 0
