"""Promises about lines around a table and loose writers: by agreement, and nobody is left out."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.errors import FileHeld
from tasks.records.archive.erase import Person, without_person
from tasks.records.reading.around import Wanted
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import Dialect, FileDialect, resolve
from tasks.records.reading.exact_path import Block, ParsedBlock, parse_block
from tasks.records.reading.fast_path import LineMasks
from tasks.records.reading.truncation import check_not_truncated
from tasks.records.results.reasons import settings_that_accept
from tasks.records.results.reject_file import write_rejects

HEAD = "email;nome;note"
ROWS = [f"p{n}@example.it;Nome{n};x" for n in range(6)]
WANTED = Wanted(("Email", "nome"), email="Email")
AROUND = {"lines_above": 3, "lines_below": 2}


def text(*lines: str, end: str = "\r\n") -> str:
    """Lines with their ends."""
    return "".join(f"{line}{end}" for line in lines)


def resolved(tmp_path: Path, data: str, codec: str = "utf-8", **agreed: Any) -> FileDialect:
    """What a file is, once its end has been looked at."""
    path = tmp_path / "file.csv"
    path.write_bytes(data.encode(codec))
    dialect = resolve(path, Dialect(**agreed), WANTED)
    check_not_truncated(path, dialect)
    return dialect


@pytest.mark.parametrize(
    ("data", "setting"),
    [
        (text("Clienti", HEAD, *ROWS), "lines_above to 1"),
        (text("Clienti;;", "", "al 30/11;;", HEAD, *ROWS), "lines_above to 2"),
        (text(HEAD, *(f"{row};" for row in ROWS)), "separators_at_end"),
        (text(HEAD, *(f"{row};;;" for row in ROWS)), "separators_at_end"),
        (text(HEAD, *(row[:-2] for row in ROWS)), "missing_last_cells"),
        (text(HEAD, *ROWS) + "Totale: 6", "lines_below"),
        (text(HEAD, *ROWS)[:-2], "final_newline"),
        (text("sep=,", HEAD, *ROWS), "separator"),
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_a_held_file_names_the_setting_that_accepts_it(tmp_path, data, setting, codec):
    """Whoever decides about a file that is always written so reads what to set."""
    loose = {"final_newline": "any"} if setting == "lines_below" else {}
    with pytest.raises(FileHeld, match=setting):
        resolved(tmp_path, data, codec, separator=";", **loose)


def test_a_limit_names_the_setting_that_accepts_the_rows():
    """Rejected rows that an agreement could accept are reported with their number."""
    found = settings_that_accept({"too_few_cells": 1200, "email_invalid": 7})
    assert "1,200 of them are too_few_cells" in found and "missing_last_cells" in found
    assert "email_invalid" not in found
    assert settings_that_accept({"email_invalid": 7}) == ""


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_lines_around_are_listed_by_their_numbers(tmp_path, size):
    """However the file is cut into blocks, and wherever blank lines are."""
    path = tmp_path / "file.csv"
    path.write_text(
        text("Clienti", "", ";;", "al 30/11;;", HEAD, "", *ROWS, ";;", "", "Totale;6;", "", "Fine"),
        encoding="utf-16",
    )
    dialect = resolve(path, Dialect(**AROUND), WANTED)
    chunks = list(read_chunks(path, dialect, block_bytes=size))
    around = [each for chunk in chunks for each in chunk.around]
    above = [(1, "line_above"), (4, "line_above")]
    assert around == [*above, (15, "line_below"), (17, "line_below")]
    assert [cell for chunk in chunks for cell in chunk.frame["email"]] == [r[:13] for r in ROWS]


@pytest.mark.parametrize("end", ["anna@exam", "anna", "anna@example.it;An", '"anna', "Fine"])
@pytest.mark.parametrize("below", [["Totale: 6"], []])
def test_a_cut_record_is_no_line_below_the_table(tmp_path, end, below):
    """What lacks its line break may be a record, and then the file is held: all after it is lost.

    Only as the last of as many lines as were agreed it is not.
    """
    data = text(HEAD, *ROWS, *below) + end
    if below and end in ("anna", "Fine"):
        assert len(resolved(tmp_path, data, final_newline="any", lines_below=2).below) == 2
        return
    with pytest.raises(FileHeld) as held:
        resolved(tmp_path, data, final_newline="any", lines_below=2)
    assert held.value.context["reason"] == "cut"


@pytest.mark.parametrize(
    "above",
    ["anna@example.it;Anna;x", "anna@example.it", "x;anna@example.it", "+39 333 1234567"],
)
def test_nobody_above_the_header_is_left_out(tmp_path, above):
    """A record above the header, as after sorting the sheet, holds the file."""
    with pytest.raises(FileHeld, match="Line 2, above the header"):
        resolved(tmp_path, text("Clienti", above, HEAD, *ROWS), **AROUND)


@pytest.mark.parametrize("codec", ["utf-8", "cp1252", "utf-16"])
@pytest.mark.parametrize("header", [True, False])
def test_rejects_of_such_a_file_can_be_dropped_again(tmp_path, codec, header):
    """What comes back has no lines around it, and is read with the same settings."""
    lines = ["Società", HEAD, *ROWS, "p@example.it;x", "Totale: 7"]
    data = text(*(lines if header else [line for line in lines if line != HEAD]))
    wanted = WANTED if header else Wanted(email="#1")
    path, back = tmp_path / "file.csv", tmp_path / "back.csv"
    path.write_bytes(data.encode(codec))
    agreed = Dialect(encoding="auto" if codec == "utf-16" else codec, header=header, **AROUND)
    dialect = resolve(path, agreed, wanted)
    rejects = [chunk.rejects for chunk in read_chunks(path, dialect)]
    assert write_rejects(back, rejects, dialect, "en") == 1
    again = resolve(back, agreed, wanted)
    assert (again.above, again.below) == ((), ())
    assert sum(chunk.frame.height for chunk in read_chunks(back, again)) == 1


@pytest.mark.parametrize("line", range(1, 11))
def test_a_person_is_taken_out_of_the_lines_around_too(tmp_path, line):
    """And the header and everybody else stay, on their lines."""
    lines = ["Clienti", "Filiale", HEAD, *ROWS[:5], "Totale: 5", "Fine"]
    lines[line - 1] += ";anna@example.com"
    if line == 3:
        lines[2] = "email;nome;anna@example.com"
    path, target = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text(text(*lines), newline="")
    agreed, anna = Dialect(**AROUND | {"lines_above": 2}), Person.of("anna@example.com")
    if line in (1, 2):
        with pytest.raises(FileHeld):
            without_person(path, agreed, anna, target, blank=True, wanted=WANTED)
        return
    assert without_person(path, agreed, anna, target, blank=True, wanted=WANTED) == (line != 3)
    if line != 3:
        lines[line - 1] = ""
        assert target.read_text() == text(*lines, end="\n")


HABITS = ["missing_last_cells", "separators_at_end", "blanks_around_quotes"]
PIECES = ["a", ";", ";", '"', "\n", "\r\n", " ", "\t", ' "b"', '"c;d"', '""', "à", ";;;", "x;y;z\n"]


@settings(max_examples=150, deadline=None)
@given(
    content=st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    accept=st.sets(st.sampled_from(HABITS)),
    quote=st.sampled_from(['"', "'", None]),
    width=st.integers(1, 4),
)
def test_the_fast_path_and_the_exact_path_are_one(content, accept, quote, width):
    """Whatever is accepted: reading every line exactly gives what reading plain ones fast gives."""
    names = tuple(f"#{number}" for number in range(1, width + 1))
    dialect = FileDialect("utf-8", False, ";", quote, names, False, accept=frozenset(accept))
    block = Block(content.encode(), 1, last=True)
    fast = parse_block(block, dialect)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LineMasks, "others", lambda masks: (~masks.blank).arg_true().to_list())
        exact = parse_block(block, dialect)
    assert _content(fast) == _content(exact)


def _content(parsed: ParsedBlock) -> tuple[Any, ...]:
    return parsed.frame.rows(), parsed.rejects.rows(), parsed.consumed, parsed.lines
