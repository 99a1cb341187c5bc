"""The list of a held file's rejects: what has to be corrected, and never a file to be imported."""

from pathlib import Path

import polars as pl
import pytest

from blocks.errors import FileHeld
from tasks.records.counts import Counts
from tasks.records.frames import REJECTS
from tasks.records.reading.around import Wanted
from tasks.records.reading.dialect import Dialect, FileDialect, resolve
from tasks.records.results.held_file import MOST_HELD, write_held
from tasks.records.stages import FileOutcome, Hold
from tasks.texts.hold_question import question

FORMS = [("utf-8", ";", '"'), ("cp1252", ",", "'"), ("utf-16-le", "\t", None), ("cp1251", "|", '"')]


def rejects(number: int) -> pl.DataFrame:
    """So many records whose address is none."""
    rows = [
        {"line": n, "columns": ["email"], "reasons": ["email_invalid"], "cells": [f"x{n}", "Zoë"]}
        for n in range(2, number + 2)
    ]
    return pl.DataFrame(rows, schema=REJECTS)


def held(path: Path, number: int, form: tuple[str, str, str | None], language: str = "en") -> str:
    """The list of a file with so many rejects, as text."""
    encoding, separator, quote = form
    dialect = FileDialect(encoding, False, separator, quote, ("email", "nome"), True, 1)
    parts = [rejects(number).head(700), rejects(number).slice(700)]
    write_held(
        path, parts, dialect, language, reason="too_many_rejects", rejected=number  # type: ignore[arg-type]
    )  # fmt: skip
    return path.read_bytes().decode(encoding)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", ["en", "it"])
def test_the_list_says_first_that_nothing_was_imported(tmp_path, form, language):
    """In the client's form and language, with the number of all rejects and at most a thousand."""
    lines = held(tmp_path / "held.csv", 2345, form, language).splitlines()
    first = lines[0].strip("\"'")
    assert first.startswith(("NOTHING OF THIS FILE WAS IMPORTED", "NULLA DI QUESTO FILE"))
    assert "too_many_rejects" in first and "2,345" in first and "1,000" in first
    assert lines[1].split(form[1])[:3] == ["email", "nome", "reject_line"]
    assert len(lines) == 2 + MOST_HELD
    assert lines[2].split(form[1])[0] == "x2" and lines[-1].split(form[1])[2] == "1001"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("language", ["en", "it"])
@pytest.mark.parametrize("header", [True, False])
def test_the_list_is_never_taken_for_the_file(tmp_path, form, language, header):
    """Whoever corrects the list and sends it would import a part: it is held, by any agreement."""
    path = tmp_path / "held.csv"
    held(path, 30, form, language)
    encoding = "utf-16" if form[0].startswith("utf-16") else form[0]
    agreed = Dialect(encoding=encoding, header=header, lines_above=5, lines_below=5)
    with pytest.raises(FileHeld, match="list of rejected records"):
        resolve(path, agreed, Wanted(("email",), email="email"))


def test_whoever_decides_sees_the_reasons_with_their_numbers():
    """In Prefect's form, above release and refuse; no value of a record."""
    outcome = FileOutcome(
        "a.csv",
        "held",
        Counts(records=100, submitted=60, rejected=40),
        hold=Hold("too_many_rejects", "The file has 40% rejected."),
        reasons={"email_invalid": 30, "too_few_cells": 10},
    )
    assert outcome.hold
    asked = question(outcome, outcome.hold, days=7)
    assert "invalid | 30 | This is not a valid e-mail address. |" in asked
    assert "cells | 10 |" in asked
