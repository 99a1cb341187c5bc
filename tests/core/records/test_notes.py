"""Cells that were not sent although their row was are listed for the client, without values."""

from pathlib import Path

import polars as pl

from tasks.records.frames import CELL_NOTES
from tasks.records.reading.dialect import FileDialect
from tasks.records.results.notes_file import write_notes


def test_notes_name_line_column_and_reason(tmp_path: Path) -> None:
    """The client finds each cell again, and nothing of what was in it is written down."""
    dialect = FileDialect("utf-8", False, ";", chr(34), True, ("email", "tel;2"))
    notes = pl.DataFrame(
        [(3, "tel;2", "mobile_invalid"), (7, "nato", "date_invalid")], CELL_NOTES, orient="row"
    )
    write_notes(tmp_path / "notes", [notes[:1], notes[1:]], dialect, "it")
    head, *lines = (tmp_path / "notes").read_text(encoding="utf-8").splitlines()
    assert head == "line;column;reason"
    assert lines[0] == '3;"tel;2";Il numero di cellulare non è valido.'
    assert lines[1].startswith("7;nato;La data non è nel formato concordato.")
