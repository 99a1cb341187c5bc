"""Snapshots: what earlier extractions saw, part by part."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tasks.reports.delta.seen_events import SEEN_EVENTS, every_part, read_part, write_seen

SEEN = datetime(2026, 10, 1, tzinfo=UTC)


def of(*parts: tuple[int, str]) -> pl.DataFrame:
    data = [(part, key.encode(), SEEN, 1) for part, key in parts]
    return pl.DataFrame(data, schema=SEEN_EVENTS, orient="row")


def test_a_part_is_read_alone(tmp_path: Path) -> None:
    """Each part is found again with all of its rows, whatever lies around it."""
    path = tmp_path / "one.parquet"
    write_seen(path, [of((1, "a"), (3, "b")), of((3, "c")), of(), of((9, "d"))])
    assert [read_part(path, part).collect().height for part in (1, 2, 3, 9)] == [1, 0, 2, 1]
    assert read_part(path, 3).collect().equals(of((3, "b"), (3, "c")))


def test_without_a_snapshot_nothing_is_known(tmp_path: Path) -> None:
    """The first extraction of a stream starts from nothing."""
    assert read_part(None, 5).collect().schema == pl.Schema(SEEN_EVENTS)
    write_seen(tmp_path / "first.parquet", every_part(None), [of((2, "a"))])
    assert read_part(tmp_path / "first.parquet", 2).collect().height == 1


def test_the_next_snapshot_is_the_old_one_and_what_was_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of either is lost, and the parts ascend, however the pieces are cut."""
    monkeypatch.setattr("tasks.reports.delta.seen_events._ROWS_AT_ONCE", 3)
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    before = [(part, f"old{part}{place}") for part in range(1, 8) for place in range(part)]
    write_seen(old, [of(*before)])
    messages = [of((2, "m2"), (4, "m4")), of((4, "n4"), (4, "o4")), of((11, "m11"))]
    write_seen(new, every_part(old), messages, iter([of((1, "l1"), (9, "l9"))]))
    found = pl.concat(every_part(new))
    assert found["part"].is_sorted()
    added = [(2, "m2"), (4, "m4"), (4, "n4"), (4, "o4"), (11, "m11"), (1, "l1"), (9, "l9")]
    assert sorted(found.select("part", "key").rows()) == sorted(
        (part, key.encode()) for part, key in before + added
    )
    assert [read_part(new, part).collect().height for part in (1, 4, 7, 9)] == [2, 7, 7, 1]


def test_an_empty_snapshot_can_be_read(tmp_path: Path) -> None:
    """Nothing seen is a snapshot as well."""
    write_seen(tmp_path / "empty.parquet")
    assert pl.read_parquet(tmp_path / "empty.parquet").schema == pl.Schema(SEEN_EVENTS)
    assert list(every_part(tmp_path / "empty.parquet")) == []


@pytest.mark.parametrize("pieces", [[((2, "a"), (1, "b"))], [((2, "a"),), ((1, "b"),)]])
def test_parts_that_do_not_ascend_are_refused(
    tmp_path: Path, pieces: list[tuple[tuple[int, str], ...]]
) -> None:
    """A part in the wrong place would not be found again: no such file is written."""
    path = tmp_path / "wrong.parquet"
    with pytest.raises(ValueError, match="not in ascending order"):
        write_seen(path, [of((5, "x"))], [of(*piece) for piece in pieces])
    assert not path.exists()


def test_a_snapshot_holds_no_address(tmp_path: Path) -> None:
    """Only numbers, hashes, moments and counts."""
    write_seen(tmp_path / "one.parquet", [of((1, "a"))])
    assert set(pl.read_parquet_schema(tmp_path / "one.parquet")) == {
        "part", "key", "seen_at", "count",
    }  # fmt: skip
