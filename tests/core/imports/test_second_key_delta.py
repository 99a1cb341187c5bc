"""Rows without their second key, and what the next file is compared with."""

from pathlib import Path

import polars as pl
import pytest

from tasks.imports.delta_snapshots import as_sent
from tasks.records.delta.snapshot import Snapshot, missing_people, snapshot_of, write_snapshot
from tasks.records.frames import LINE, RECORD

KEY = b"k" * 32
ROWS = (("anna@example.it", "3331111111"), ("bruno@example.it", "3332222222"))


def day(*rows: tuple[str, str | None]) -> pl.DataFrame:
    """The records of a day's file, on lines from 2 on."""
    empty = pl.DataFrame({name: [None] * len(rows) for name in RECORD}, schema=RECORD)
    return empty.with_columns(
        pl.int_range(2, len(rows) + 2).alias(LINE), channel=pl.lit("email"), clear=pl.lit(False),
        list_id=pl.lit(1, pl.Int64), email=pl.Series([email for email, _ in rows]),
        prefix=pl.lit("0039"), number=pl.Series([number for _, number in rows], dtype=pl.String),
        import_type=pl.lit("default"),
    )  # fmt: skip


def after(tmp_path: Path, *, rejected: bool) -> Snapshot:
    """What is kept of a file whose second row differed from MailUp."""
    path = tmp_path / "snapshot.parquet"
    rows = snapshot_of(as_sent(day(*ROWS), {3}, rejected=rejected), KEY)
    write_snapshot(path, [rows], None)
    return Snapshot(path, KEY)


@pytest.mark.parametrize("rejected", [False, True])
def test_a_row_that_went_without_its_second_key_goes_again(tmp_path: Path, rejected: bool) -> None:
    """MailUp does not have it as it is; the others are unchanged."""
    assert after(tmp_path, rejected=rejected).changed(day(*ROWS))[LINE].to_list() == [3]


def test_whose_row_went_without_its_second_key_is_missing_when_gone(tmp_path: Path) -> None:
    """The person was in the file, and leaves by it like any other."""
    snapshot = after(tmp_path, rejected=False)
    snapshot.changed(day(ROWS[0]))
    flags = tmp_path / "flags.parquet"
    snapshot.compared().write_parquet(flags)
    assert missing_people((snapshot.path, flags)).height == 1


def test_a_rejected_row_says_nothing_of_its_person(tmp_path: Path) -> None:
    """Nothing of it was sent: nobody is unsubscribed because of it."""
    snapshot = after(tmp_path, rejected=True)
    snapshot.changed(day(ROWS[0]))
    assert not snapshot.compared()["missing"].any()
