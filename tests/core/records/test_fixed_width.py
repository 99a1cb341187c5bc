"""Text of fixed width: columns by position, the same checks, and rejects in the same form."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.errors import FileHeld
from tasks.records.reading.dialect import Dialect
from tasks.records.reading.fixed_width import (
    FixedColumn,
    FixedWidth,
    csv_to_fixed_width,
    fixed_width_to_csv,
)

pytestmark = pytest.mark.core

COLUMNS = [
    FixedColumn(name="email", start=1, length=20),
    FixedColumn(name="nome", start=23, length=8),
    FixedColumn(name="cellulare", start=31, length=10),
]
AGREED = FixedWidth(kind="fixed-width", columns=COLUMNS)
LINES = (
    "anna@example.it       Niccolò 3331234567\r\n"
    "\r\n"
    'b@example.it          B"o;b\r\n'
    "c@example.it\r\n"
)


def converted(tmp_path: Path, content: bytes, dialect: Dialect | None = None) -> str:
    """The CSV file that a file becomes."""
    (tmp_path / "a.txt").write_bytes(content)
    made = fixed_width_to_csv(tmp_path / "a.txt", tmp_path, AGREED, dialect or Dialect())
    return made.read_bytes().decode()


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_columns_are_where_they_were_agreed(tmp_path: Path, encoding: str) -> None:
    """By characters, not bytes; a line that ends early has empty cells, an empty one stays."""
    dialect = Dialect(encoding=encoding)  # type: ignore[arg-type]
    assert converted(tmp_path, LINES.encode(encoding), dialect) == (
        "anna@example.it;Niccolò;3331234567\r\n"
        "\r\n"
        'b@example.it;"B""o;b";\r\n'
        "c@example.it;;\r\n"
    )  # fmt: skip


def test_what_is_sent_back_is_read_as_it_was(tmp_path: Path) -> None:
    """Text after the last column is ignored."""
    csv_text = converted(tmp_path, LINES.encode())
    explained = (f"{line};7;nome;why" if line else "" for line in csv_text.splitlines())
    (tmp_path / "b.csv").write_text("".join(f"{line}\r\n" for line in explained), "utf-8")
    csv_to_fixed_width(tmp_path / "b.csv", tmp_path / "b.txt", AGREED, "utf-8")
    assert converted(tmp_path, (tmp_path / "b.txt").read_bytes()) == csv_text


def test_a_file_that_was_cut_is_held(tmp_path: Path) -> None:
    """The last line may be half of one."""
    with pytest.raises(FileHeld) as caught:
        converted(tmp_path, LINES.encode()[:-2])
    assert caught.value.context["reason"] == "cut"
    assert converted(tmp_path, LINES.encode()[:-2], Dialect(final_newline="any"))


def test_control_characters_are_no_text(tmp_path: Path) -> None:
    """What would be taken for the end of a cell holds the file."""
    with pytest.raises(FileHeld):
        converted(tmp_path, b"a@example.it\x1f\r\n")


@pytest.mark.parametrize(
    "columns",
    [
        [COLUMNS[0], COLUMNS[0]],
        [COLUMNS[0], FixedColumn(name="x", start=20, length=1)],
    ],
)
def test_columns_that_overlap_are_refused(columns: list[FixedColumn]) -> None:
    """Each character belongs to one column, each name to one place."""
    with pytest.raises(ValidationError, match="columns"):
        FixedWidth(kind="fixed-width", columns=columns)
