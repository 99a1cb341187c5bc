"""Refusals of a file that is read in several chunks: in the file's order, and heeded everywhere."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from blocks.errors import RunStopped
from tasks.records.agreement import ImportAgreement
from tasks.records.mapping.resolve import resolve_mapping
from tasks.records.read_file import REJECTS_AT_ONCE, read_file
from tasks.records.results.parts import read_parts
from tasks.records.stages import AccountFacts, Prepared
from tasks.records.validation.row_rules import row_rules

ROWS = 55_000  # more than two chunks
BAD_EVERY = 2
MAPPING = {
    "columns": [{"column": "email", "target": "email"}, {"column": "stato", "target": "status"}]
}


def _read(folder: Path, rows: list[str]) -> Prepared:
    path = folder / "file.csv"
    path.write_text("email;stato\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    agreement = ImportAgreement.model_validate(
        {"client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
         "dialect": {"separator": ";"}, "mapping": MAPPING}
    )  # fmt: skip
    return read_file(
        path, agreement, AccountFacts(), folder, batch_size=5_000, today=date(2026, 5, 15)
    )


def test_refusals_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Damaged lines and refused records are listed once each, whichever chunk they are in."""
    rows = [f"p{number}@example.it;1" for number in range(ROWS)]
    expected = range(0, ROWS, BAD_EVERY)
    for place in expected:
        rows[place] = "nobody;1" if place % 4 else "too;many;cells"
    prepared = _read(tmp_path, rows)
    assert prepared.counts.rejected == len(expected) > 2 * REJECTS_AT_ONCE
    lines = [line for part in read_parts(prepared.rejects) for line in part["line"].to_list()]
    assert lines == [place + 2 for place in expected]
    assert prepared.counts.submitted == ROWS - len(expected)


def test_a_refused_opt_out_is_heeded_by_every_chunk(tmp_path: Path) -> None:
    """Whoever may be unsubscribed by a refused row of the last chunk is not sent from the first."""
    rows = [f"p{number}@example.it;1" for number in range(ROWS)]
    rows[-1] = "p0@example.it;perhaps"
    prepared = _read(tmp_path, rows)
    sent = pl.concat([batch.records()["email"] for batch in prepared.batches])
    assert "p0@example.it" not in sent
    assert len(sent) == ROWS - 2


def test_a_frame_of_another_form_stops_the_run_without_a_value() -> None:
    """Where the checks cannot be computed, the error quotes no record."""
    mapping = ImportAgreement.model_validate(
        {"client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
         "mapping": MAPPING}
    ).mapping  # fmt: skip
    agreed = row_rules(resolve_mapping(mapping, ["email", "stato"], {}, list_id=1))
    frame = pl.DataFrame({"email": [[b"secret-value"]], "status": ["subscribed"]})
    with pytest.raises(RunStopped) as caught:
        agreed.passes(frame)
    assert "secret-value" not in f"{caught.value} {caught.value.context} {caught.value.__cause__}"
