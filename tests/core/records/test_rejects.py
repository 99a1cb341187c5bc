"""The reject file: it can be corrected and sent again as it is."""

import csv
from pathlib import Path

import polars as pl
import pytest

from tasks.records.frames import LINE, REJECTS
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import Dialect, FileDialect, resolve
from tasks.records.reading.truncation import check_not_truncated
from tasks.records.results.reasons import REASONS, sentence
from tasks.records.results.reject_file import REJECT_COLUMNS, write_rejects

COLUMNS = ("email", "name")


def dialect_of(**changes: object) -> FileDialect:
    """A dialect of two columns."""
    fields = {"encoding": "utf-8", "bom": False, "separator": ";", "quote": '"', "header": True}
    return FileDialect(**{**fields, "columns": COLUMNS, **changes})


def frame(*rows: tuple[object, ...]) -> pl.DataFrame:
    """Rejects."""
    return pl.DataFrame(list(rows), schema=REJECTS, orient="row")


def test_rejects_are_written_as_the_client_writes(tmp_path):
    """Cells come back as they were, with line, columns, sentences and, where needed, the text."""
    path = tmp_path / "rejects.csv"
    parts = [
        frame((2, ["email", "name"], ["email_invalid", "required_blank"], ["x@", ""], None)),
        frame(
            (7, [""], ["too_many_cells"], ["a@example.com", 'Il "Re"', "x"], 'a@example.com;"I";x'),
            (9, [""], ["open_quote"], None, 'b@example.com;"Bea'),
        ),
    ]
    assert write_rejects(path, parts, dialect_of(), "it") == 3
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), delimiter=";"))
    assert rows[0] == [*COLUMNS, *REJECT_COLUMNS]
    assert rows[1][:4] == ["x@", "", "2", "email, name"]
    assert "non è valido" in rows[1][4]
    assert "obbligatorio" in rows[1][4]
    assert rows[2][:3] == ["a@example.com", 'Il "Re"', "7"]
    assert rows[2][5] == 'a@example.com;"I";x'
    assert rows[3] == ["", "", "9", "", sentence("open_quote", "it"), 'b@example.com;"Bea']


@pytest.mark.parametrize(
    ("encoding", "bom", "separator", "quote", "line_end"),
    [
        ("utf-8", True, ";", '"', "\r\n"),
        ("utf-16-le", True, ",", '"', "\n"),
        ("utf-16-be", False, "\t", '"', "\n"),
        ("cp1252", False, "|", "'", "\r"),
        ("iso-8859-15", False, ";", None, "\r\n"),
    ],
)
def test_reject_file_can_be_read_back(tmp_path, encoding, bom, separator, quote, line_end):
    """The reject file has the client's dialect, so that it can be dropped again as it is."""
    path = tmp_path / "rejects.csv"
    name = "Nicolò d'Angelò" if quote is None else f'Nicolò d\'Angelò{separator}\n"x"'
    wanted = dialect_of(
        encoding=encoding, bom=bom, separator=separator, quote=quote, line_end=line_end
    )
    rejects = frame((2, ["email"], ["email_invalid"], ["x@", name], f"x@{separator}\n"))
    write_rejects(path, [rejects], wanted, "en")
    agreed = {"encoding": encoding} if encoding in ("cp1252", "iso-8859-15") else {}
    found = resolve(path, Dialect(quote=quote or "none", **agreed))
    check_not_truncated(path, found)
    assert (found.encoding, found.bom, found.separator) == (encoding, bom, separator)
    assert (found.columns, found.line_end) == ((*COLUMNS, *REJECT_COLUMNS), line_end)
    (chunk,) = read_chunks(path, found)
    assert chunk.rejects.is_empty()
    assert chunk.frame.row(0)[:4] == (2, "x@", name, "2")


def test_second_round_does_not_add_columns_twice(tmp_path):
    """Rejects of a corrected reject file have our columns once, with the new line numbers."""
    path = tmp_path / "rejects.csv"
    again = dialect_of(columns=(*COLUMNS, *REJECT_COLUMNS))
    cells = ["x@", "Anna", "2", "email", "reason", ""]
    write_rejects(path, [frame((5, ["email"], ["email_invalid"], cells, None))], again, "en")
    header, row = path.read_text(encoding="utf-8").splitlines()
    assert header.split(";") == [*COLUMNS, *REJECT_COLUMNS]
    assert row.startswith("x@;Anna;5;email;This is not")


def test_character_that_the_encoding_lacks(tmp_path):
    """A character that the client's encoding lacks is replaced instead of stopping the report."""
    path = tmp_path / "rejects.csv"
    rejects = frame((2, [""], ["bad_bytes"], None, "Ива"))
    assert write_rejects(path, [rejects], dialect_of(encoding="cp1252"), "en") == 1
    assert path.read_bytes().endswith(b";???\r\n")


def test_without_header_there_is_none(tmp_path):
    """A client without header gets rejects without header."""
    path = tmp_path / "rejects.csv"
    written = write_rejects(
        path,
        [frame((1, ["#1"], ["email_missing"], ["", "x"], None))],
        dialect_of(header=False),
        "en",
    )
    assert (written, len(path.read_text(encoding="utf-8").splitlines())) == (1, 1)


def test_every_reason_has_its_sentences():
    """Each code has an English and an Italian sentence."""
    for sentences in REASONS.values():
        assert set(sentences) == {"en", "it"}
        assert all(text.endswith(".") for text in sentences.values())


def test_every_structural_reason_is_in_the_catalogue(tmp_path):
    """Whatever the reader refuses can be put into a sentence and written."""
    path = Path(__file__).parents[2] / "cases" / "structure" / "every_fault.csv"
    dialect = resolve(path, Dialect(separator=";"))
    chunks = list(read_chunks(path, dialect))
    rejects = pl.concat([chunk.rejects for chunk in chunks])
    assert [chunk.frame[LINE].to_list() for chunk in chunks] == [[2, 5, 9, 12]]
    written = write_rejects(tmp_path / "r.csv", (chunk.rejects for chunk in chunks), dialect, "it")
    assert written == rejects.height == 8
    codes = set(rejects["reasons"].explode())
    assert codes == {
        "too_many_cells",
        "too_few_cells",
        "open_quote",
        "stray_quote",
        "text_after_quote",
        "bad_bytes",
        "nul_byte",
        "control_character",
    }
