"""Taking a person out of files, whatever they look like, and nobody else."""

from pathlib import Path

import pytest

from blocks.errors import ConfigurationError, FileHeld
from tasks.records.archive.erase import Person, without_person
from tasks.records.reading.dialect import Dialect

ANNA = Person.of("Anna.O'Neil@Example.it ")
TEXT = (
    "email;nome;cellulare\r\n"
    "anna.o'neil@example.it;Anna;\r\n"
    "bruno@example.it;Bruno, già amico di ANNA.O'NEIL@EXAMPLE.IT;\r\n"
    'carla@example.it;"Carla\r\n(anna.o\'neil@example.it)";\r\n'
    "anna.o'neil@example.it;wide;1;2\r\n"
    "joanna.o'neil@example.it;Joanna;\r\n"
    "anna.o'neil@example.it.example.org;Other;\r\n"
)
LEFT = [1, 7, 8]
"""Lines without her: the header, and two people whose addresses only look like hers."""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("blank", [True, False])
def test_every_record_of_a_person_goes_and_no_other(
    tmp_path: Path, encoding: str, blank: bool
) -> None:
    """Good and bad records, in any column, case and encoding; the others stay byte for byte, on
    their lines where that is asked for."""
    path, target = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_bytes(TEXT.encode(encoding))

    assert without_person(path, Dialect(), ANNA, target, blank=blank) == 4
    lines = TEXT.split("\r\n")
    kept = [line if number in LEFT or not line else "" for number, line in enumerate(lines, 1)]
    wanted = kept if blank else [line for line in kept if line] + [""]
    assert target.read_bytes() == "\r\n".join(wanted).encode(encoding)


@pytest.mark.parametrize(
    "written",
    ["3331234567", "333 123 4567", "+39 333-1234567", "0039333.1234567", "x;393331234567;y"],
)
def test_a_number_is_found_however_it_is_written(written: str) -> None:
    """With or without its country code, and with what people write between digits."""
    person = Person.of("+39 333 1234567")
    assert person.is_in(written)
    assert not person.is_in(f"4{written.rpartition('333')[2]}")
    assert not person.is_in("33312345678")


@pytest.mark.parametrize(
    "written",
    [
        "\u202a+39 333 1234567\u202c",
        "333\u2011123\u20114567",
        "333\u200b1234567",
        "tel:%2B393331234567",
    ],
)
def test_a_number_is_found_behind_the_marks_of_telephones(written: str) -> None:
    """Whatever an import takes off before it reads a cell does not hide anybody."""
    assert Person.of("+39 333 1234567").is_in(written)


@pytest.mark.parametrize(
    "written",
    ["%20anna@example.it", "mailto:anna@example.it", '="anna@example.it"', "'anna@example.it",
     "anna\u200b@example.it", "\u202aanna@example.it\u202c", "anna%40example.it"],
)  # fmt: skip
def test_an_address_is_found_behind_the_marks_of_spreadsheets_and_urls(written: str) -> None:
    """The same for addresses."""
    assert Person.of("anna@example.it").is_in(written)


def test_a_domain_is_found_in_both_alphabets() -> None:
    """An address of a domain with umlauts is the same person in ASCII."""
    assert Person.of("a@bücher.example").is_in("A@xn--bcher-kva.example")
    assert Person.of("a@xn--bcher-kva.example").is_in("a@bücher.example")


@pytest.mark.parametrize("typed", ["", "zoe", "3331234567", "@zoe.it", "a@b.it;c@d.it"])
def test_what_names_nobody_is_refused_and_not_repeated(typed: str) -> None:
    """A slip of the keyboard removes nobody; the message does not hold what was typed."""
    with pytest.raises(ConfigurationError) as refused:
        Person.of(typed)
    assert not typed or typed not in str(refused.value)
    assert "example" not in repr(ANNA)


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-16-be"])
def test_wide_encodings_are_looked_through(tmp_path: Path, encoding: str) -> None:
    """Text is text, and with nobody in it none is removed; with the person it is told where it
    cannot be cut into records."""
    path, target = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_bytes("email;nome\r\nbruno@example.it;Bruno\r\n".encode(encoding))
    assert without_person(path, Dialect(), ANNA, target, blank=True) == 0
    path.write_bytes(TEXT.encode(encoding))
    with pytest.raises(FileHeld):
        without_person(path, Dialect(encoding="utf-8"), ANNA, target, blank=True)


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 a workbook", b"\x1f\x8b\x08 packed", b"%PDF-1.7", bytes(range(256)) * 9,
     b"PAR1" + bytes(99), b"SQLite format 3\0" + bytes(99)],
)  # fmt: skip
def test_what_is_no_text_is_told_and_never_counted_as_nothing(
    tmp_path: Path, content: bytes
) -> None:
    """A workbook, an archive or an encrypted file may hold anybody."""
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    with pytest.raises(FileHeld, match="not text"):
        without_person(path, Dialect(), ANNA, tmp_path / "b", blank=True)


def test_a_file_with_a_nul_byte_is_text(tmp_path: Path) -> None:
    """Damage that an import rejects a line for does not keep anybody from being found."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"email;nome\r\nbruno@example.it;B\x00\r\n")
    assert without_person(path, Dialect(), ANNA, tmp_path / "b", blank=True) == 0


def test_nothing_is_written_where_the_person_is_not(tmp_path: Path) -> None:
    """A file without the person is not touched."""
    path, target = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text("email;nome\r\nbruno@example.it;Bruno\r\n", newline="")
    assert without_person(path, Dialect(), ANNA, target, blank=True) == 0
    assert not target.exists()
