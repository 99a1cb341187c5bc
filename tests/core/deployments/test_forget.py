"""Forgetting a person, in the lists of held files in a client's results folder."""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from blocks.errors import FileHeld
from blocks.transport.folder.adapter import FolderSettings, FolderTransport
from deployments.forget import _in_list
from tasks.records.agreement import ImportAgreement
from tasks.records.archive.erase import Person
from tasks.records.frames import REJECTS
from tasks.records.reading.dialect import FileDialect
from tasks.records.results.held_file import write_held

NAME = "a.csv.held.csv"
AGREEMENT = ImportAgreement.model_validate(
    {
        "client": "acme", "server": "local-folder/acme", "account": "acme", "list_id": 1,
        "mapping": {"columns": [{"column": "email", "target": "email"}]},
    }
)  # fmt: skip
Forget = Callable[[str], int]


@pytest.fixture
def forget(tmp_path: Path) -> Iterator[Forget]:
    """Takes a person out of the list; returns how many records were removed."""
    (tmp_path / "results").mkdir()
    (tmp_path / "scratch").mkdir()
    with FolderTransport(FolderSettings(tmp_path)) as server:
        yield lambda who: _in_list(
            server, AGREEMENT, Person.of(who), "results", NAME, tmp_path / "scratch"
        )


def held(folder: Path, encoding: str, *cells: str) -> Path:
    """The list of a file whose records have these addresses."""
    rows = [
        {"line": n, "columns": ["email"], "reasons": ["email_invalid"], "cells": [cell, "Zoë"]}
        for n, cell in enumerate(cells, 2)
    ]
    path = folder / "results" / NAME
    dialect = FileDialect(encoding, False, ";", '"', ("email", "nome"), True, 1)
    frame = pl.DataFrame(rows, schema=REJECTS)
    write_held(path, [frame], dialect, "it", reason="too_many_rejects", rejected=len(rows))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le"])
@pytest.mark.parametrize("cell", ["anna@example.it", "see ANNA@example.it;", "+39 333 111-1111"])
def test_a_list_that_names_the_person_goes(
    forget: Forget, tmp_path: Path, cell: str, encoding: str
) -> None:
    """It goes as a whole, in the encoding of any client's file: the client corrects its file."""
    path = held(tmp_path, encoding, "bruno@example.it", cell)
    assert forget("+393331111111" if "@" not in cell else "anna@example.it") == 1
    assert not path.exists()


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le"])
def test_a_list_of_other_people_stays(forget: Forget, tmp_path: Path, encoding: str) -> None:
    """Nothing of it changes, though the address is part of another one."""
    path = held(tmp_path, encoding, "joanna@example.it", "anna@example.it.org")
    before = path.read_bytes()
    assert forget("anna@example.it") == 0
    assert path.read_bytes() == before


def test_a_list_that_is_no_text_is_told(forget: Forget, tmp_path: Path) -> None:
    """It stays, and is never counted as looked through."""
    path = tmp_path / "results" / NAME
    path.write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(FileHeld, match="by hand"):
        forget("anna@example.it")
    assert path.exists()
