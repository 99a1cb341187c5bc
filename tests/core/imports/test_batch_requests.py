"""Requests of a batch contain its own people, and no others."""

import json
from pathlib import Path

import polars as pl

from tasks.imports.submit import batch_requests
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.batches import write_batches
from tasks.records.frames import LINE, RECORD

AGREEMENT = ImportAgreement.model_validate(
    {
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 7,
        "mapping": {"columns": [{"column": "email", "target": "email"}]},
    }
)  # fmt: skip


def test_each_batch_of_a_file_is_sent_with_its_own_people(tmp_path: Path) -> None:
    """Five people in batches of two: everybody is in exactly one request, in the file's order."""
    people = [f"p{number}@example.it" for number in range(5)]
    empty = pl.DataFrame({name: [None] * 5 for name in RECORD}, schema=RECORD)
    judged = empty.with_columns(
        pl.int_range(2, 7).alias(LINE), channel=pl.lit("email"), list_id=pl.lit(7, pl.Int64),
        clear=pl.lit(False), email=pl.Series(people), import_type=pl.lit("default"),
    )  # fmt: skip
    made = list(batch_requests(AGREEMENT, write_batches([judged], tmp_path, 2), {}))

    sent = [[each["Email"] for each in json.loads(batch.content)] for batch in made]
    assert sent == [people[:2], people[2:4], people[4:]]
    assert [(batch.number, batch.rows) for batch in made] == [(1, 2), (2, 2), (3, 1)]
    assert len({batch.sha256 for batch in made}) == 3
