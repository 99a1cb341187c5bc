"""Promises of the dialect: nothing is guessed without evidence, and doubt holds the file."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmarks.contacts import write_contacts
from blocks.errors import FileHeld
from tasks.records.reading.dialect import Dialect, resolve

NAMES = ["Nicolò", "Forlì", "Cantù", "Città di Castello", "Mondovì", "Perché", "Calabrò"]


def write(tmp_path: Path, data: bytes) -> Path:
    """A file with these bytes."""
    path = tmp_path / "file.csv"
    path.write_bytes(data)
    return path


def names(*extra: str, rows: int = 200) -> str:
    """An Italian file of many rows."""
    words = [*NAMES, *extra]
    rest = "".join(f"u{n}@example.com;{words[n % len(words)]}\n" for n in range(rows))
    return f"email;name\n{rest}"


def reason(path: Path, **settings: object) -> str:
    """Reason for which the file is held."""
    with pytest.raises(FileHeld) as held:
        resolve(path, Dialect(**settings))
    assert "Accepted" in str(held.value)
    return str(held.value.context["reason"])


@pytest.mark.parametrize(
    ("codec", "extra", "found"),
    [
        ("utf-8", "L’Aquila", ("utf-8", False)),
        ("utf-8-sig", "L’Aquila", ("utf-8", True)),
        ("utf-16", "L’Aquila", ("utf-16-le", True)),
        ("utf-16-le", "Anna", ("utf-16-le", False)),
        ("utf-16-be", "Anna", ("utf-16-be", False)),
    ],
)
def test_encoding_from_evidence(tmp_path, codec, extra, found):
    """Each encoding that is certain is recognised, with its mark."""
    dialect = resolve(write(tmp_path, names(extra).encode(codec)), Dialect())
    assert (dialect.encoding, dialect.bom) == found
    assert dialect.columns == ("email", "name")


@pytest.mark.parametrize(
    ("codec", "extra"),
    [
        ("cp1252", "Anna"),
        ("cp1252", "L’Aquila"),
        ("iso-8859-1", "Anna"),
        ("cp1250", "Anna"),
        ("cp850", "Anna"),
        ("mac_roman", "Anna"),
        ("iso-8859-15", "Š"),
        ("iso-8859-15", "€"),
        ("cp1252", "Sant´Angelo"),
        ("cp1251", "Иванов"),
        ("utf-32", "Anna"),
    ],
)
def test_an_encoding_that_is_not_certain_is_held(tmp_path, codec, extra):
    """Where more than one reading is possible the file is held, however plausible one is."""
    data = names(extra).encode(codec, "ignore")
    assert reason(write(tmp_path, data)) == "encoding"


def test_few_bad_bytes_do_not_change_the_encoding(tmp_path):
    """A UTF-8 file with some bad lines is UTF-8, so that only those lines are refused."""
    data = names().encode() + b"bad@example.com;Nicol\xf2\n"
    assert resolve(write(tmp_path, data), Dialect()).encoding == "utf-8"
    assert resolve(write(tmp_path, data), Dialect(encoding="utf-8")).encoding == "utf-8"


@pytest.mark.parametrize("byte", [b"\xff", b"\xb4", b"\x81"])
def test_one_bad_byte_does_not_hold_a_plain_file(tmp_path, byte):
    """In a file of plain letters, one byte of unknown meaning costs its line and no other."""
    rows = b"".join(b"u%d@example.com;Anna\n" % n for n in range(1000))
    data = b"email;name\n" + rows + b"bad@example.com;Nicol" + byte + b"\n"
    assert resolve(write(tmp_path, data), Dialect()).encoding == "utf-8"


def test_two_encodings_in_one_file_are_held(tmp_path):
    """A file of which a part is UTF-8 and the larger part is not is held."""
    data = names(rows=100).encode() + names(rows=150).encode("cp1252")
    assert reason(write(tmp_path, data)) == "encoding"
    floor = "u@example.com;1º piano, città\n"
    data = b"email;floor\n" + 10 * "u@example.com;1º\n".encode() + 90 * floor.encode("cp1252")
    assert reason(write(tmp_path, data)) == "encoding"


@pytest.mark.parametrize(
    ("codec", "agreed"),
    [
        ("utf-8", "cp1252"),
        ("utf-8-sig", "cp1252"),
        ("utf-16", "utf-8"),
        ("utf-16-le", "cp1252"),
        ("utf-8-sig", "utf-16"),
    ],
)
def test_another_encoding_than_agreed_is_held(tmp_path, codec, agreed):
    """A file that is plainly not in the agreed encoding is held instead of garbled."""
    assert reason(write(tmp_path, names().encode(codec)), encoding=agreed) == "encoding"


@pytest.mark.parametrize("agreed", ["iso-8859-15", "iso-8859-1", "cp1252"])
def test_agreed_encoding_is_taken(tmp_path, agreed):
    """What auto has to doubt is read when it is agreed."""
    data = names("Sant'Angelo").encode(agreed)
    assert resolve(write(tmp_path, data), Dialect(encoding=agreed)).encoding == agreed


@pytest.mark.parametrize("agreed", ["iso-8859-15", "iso-8859-1", "cp1252"])
@pytest.mark.parametrize("cell", ["«CAFFÈ»", "PERCHÉ»", "NICOLÒ°", "caffè»«", "È²"])
def test_what_also_looks_like_utf8_is_read_as_agreed(tmp_path, agreed, cell):
    """An accented letter and a sign after it are good text, though UTF-8 has the same bytes."""
    data = f"email;name\nu@example.com;{cell}\n".encode(agreed)
    assert resolve(write(tmp_path, data), Dialect(encoding=agreed)).encoding == agreed


@pytest.mark.parametrize("cell", ["CAFFÈ™", "“PERCHÉ”", "“Perché…”", "L’UNITÀ È…", "PIÙ’"])
def test_signs_of_cp1252_behind_capitals_are_read_as_agreed(tmp_path, cell):
    """The quotation marks of Windows after a letter do not make a file UTF-8."""
    data = f"email;name\nu@example.com;{cell}\n".encode("cp1252")
    assert resolve(write(tmp_path, data), Dialect(encoding="cp1252")).encoding == "cp1252"


@pytest.mark.parametrize("agreed", ["iso-8859-15", "iso-8859-1", "cp1252"])
@pytest.mark.parametrize(
    "cell", ["città", "CITTÀ", "L’Aquila", "Ionuț", "Łódź", "Иванов", "Αθήνα", "Nguyễn", "محمد"]
)
def test_utf8_of_any_language_is_not_read_as_a_single_byte_encoding(tmp_path, agreed, cell):
    """One word in UTF-8 is enough to hold a file that has nothing else beyond ASCII."""
    data = f"email;name\nu@example.com;{cell}\n".encode()
    assert reason(write(tmp_path, data), encoding=agreed) == "encoding"


def test_an_agreed_encoding_is_taken_at_any_size(tmp_path):
    """Files of the measured kind, cut anywhere, are read as agreed: nobody guesses."""
    path = tmp_path / "contacts.csv"
    write_contacts(path, 8328)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for codec in ("cp1252", "iso-8859-1", "iso-8859-15"):
        known = "".join(lines).encode(codec, "ignore").splitlines(keepends=True)
        for rows in (*range(1, 500, 31), len(known)):
            path.write_bytes(b"".join(known[:rows]))
            assert resolve(path, Dialect(encoding=codec)).encoding == codec


@pytest.mark.parametrize("separator", [";", ",", "|", "\t"])
def test_separator_from_the_first_lines(tmp_path, separator):
    """The separator that fits every line is found, quoted ones not counting."""
    row = separator.join(["a@example.com", '"Via Roma; 1, | \t"', "x"])
    head = separator.join(["email", "street", "city"])
    path = write(tmp_path, f"{head}\n{row}\n{row}\n".encode())
    dialect = resolve(path, Dialect())
    assert (dialect.separator, dialect.columns) == (separator, ("email", "street", "city"))


def test_one_bad_line_does_not_hide_the_separator(tmp_path):
    """A few bad lines among the first ones do not change the separator."""
    data = names().encode() + b"x\n"
    assert resolve(write(tmp_path, b"a;b\nx\n" + data), Dialect()).separator == ";"


def test_decimal_commas_are_no_second_separator(tmp_path):
    """Where a comma is in each record and not in the header, the header decides."""
    data = b"email;amount\n" + b"a@example.com;12,50\n" * 30
    assert resolve(write(tmp_path, data), Dialect(header=False)).separator == ";"


def test_single_column(tmp_path):
    """A file of addresses alone needs no separator."""
    path = write(tmp_path, b"email\na@example.com\nb@example.com\n")
    assert resolve(path, Dialect()).columns == ("email",)


@pytest.mark.parametrize(
    "data",
    [b"a;b,c\n1;2,3\n4;5,6\n", b"email\na@example.com;x\nb@example.com;y\n", b"a;b\n1\n2\n3\n"],
)
def test_doubtful_separator_is_held(tmp_path, data):
    """Where two separators fit, or none does, the file is held."""
    assert reason(write(tmp_path, data)) == "separator"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\r\n\n", "empty"),
        (b"a;b;a\n1;2;3\n", "header"),
        (b"a;column 1;\n1;2;3\n", ""),
        (b";column 1\n1;2\n", "header"),
        (b'a;"b\n1;2\n3;4\n', "header"),
        (b"a;b\0\n1;2\n", "header"),
        (b"a;b\xff\n1;2\n", "header"),
        (b"a;__line\n1;2\n", "header"),
        (b"a;b\n1;2;3\n4;5;6\n7;8;9\n", "columns"),
    ],
)
def test_header_that_names_no_columns_is_held(tmp_path, data, code):
    """An empty file, a double name or a header that does not fit its records is held."""
    path = write(tmp_path, data)
    if code:
        assert reason(path, separator=";", encoding="utf-8") == code
    else:
        assert resolve(path, Dialect()).columns == ("a", "column 1", "column 3")


def test_header_names_are_trimmed_and_lines_counted(tmp_path):
    """Blanks around names go, blank lines above the header are counted, the line end is kept."""
    dialect = resolve(write(tmp_path, b'\r\n "email" ; x\r\n1;2\r\n'), Dialect(quote="none"))
    assert dialect.columns == ('"email"', "x")
    assert (dialect.header_lines, dialect.line_end) == (2, "\r\n")


def test_without_header_columns_are_numbered(tmp_path):
    """Without a header the columns are #1, #2, ... and no line is skipped."""
    path = write(tmp_path, b"x\na@example.com;Anna\nb@example.com;Bea\n")
    dialect = resolve(path, Dialect(header=False, separator=";"))
    assert (dialect.columns, dialect.header_lines) == (("#1", "#2"), 0)


@pytest.mark.parametrize("wrong", [{"separator": "::"}, {"encodings": "auto"}, {"quote": "«"}])
def test_unknown_settings_are_refused(wrong):
    """A value or a key that does not exist is refused."""
    with pytest.raises(ValidationError):
        Dialect(**wrong)


def test_every_setting_is_described():
    """Each field carries one or more sentences for the form."""
    for field in Dialect.model_fields.values():
        assert field.description
        assert field.description.endswith(".")
