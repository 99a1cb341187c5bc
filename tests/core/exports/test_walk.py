"""The rows of a walk through MailUp, part by part."""

from pathlib import Path

import polars as pl

from tasks.exports.walk import WalkResult
from tasks.reports.rows import EVENTS, UNSUBSCRIPTIONS, fitted


def page(part: int, rows: int = 3) -> pl.DataFrame:
    """Events of one message."""
    data = {"message_id": [part] * rows, "recipient_id": range(rows), "kind": ["OPN"] * rows}
    return fitted(pl.DataFrame(data), EVENTS)


def test_parts_come_whole_and_in_ascending_order(tmp_path: Path) -> None:
    """In whatever order they were asked for; each once, with all of its rows."""
    result = WalkResult(tmp_path / "rows")
    for part in (7, 3, 7):
        result.add(EVENTS, part, page(part))
    found = [(each.number, pl.concat(each.slices())) for each in result.complete_parts(EVENTS)]
    assert [(number, rows.height) for number, rows in found] == [(3, 3), (7, 6)]
    assert list(result.complete_parts(EVENTS)) == []
    assert list(result.complete_parts(UNSUBSCRIPTIONS)) == []


def test_memory_holds_the_part_at_hand_only(tmp_path: Path) -> None:
    """Parts that wait for the end of a walk wait on disk, and leave nothing there once read."""
    result = WalkResult(tmp_path / "rows")
    for part in (1, 2, 3):
        result.add(EVENTS, part, page(part))
    assert len(list((tmp_path / "rows").glob("*/*.parquet"))) == 2
    for each in result.complete_parts(EVENTS):
        assert sum(rows.height for rows in each.slices()) == 3
    assert list((tmp_path / "rows").iterdir()) == []
