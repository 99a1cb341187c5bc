"""Rows put aside and read again."""

from pathlib import Path

import polars as pl
import pytest

from tasks.reports.delta.spool import RowSpool
from tasks.reports.rows import EVENTS, SUBSCRIPTIONS, RowKind, fitted


def page(start: int, rows: int = 10, people: int = 7) -> pl.DataFrame:
    places = range(start, start + rows)
    data = {
        "message_id": [1] * rows,
        "recipient_id": [place % people for place in places],
        "kind": ["OPN"] * rows,
        "details": [str(place) for place in places],
        "count": [1 + place % 3 for place in places],
    }
    return fitted(pl.DataFrame(data), EVENTS)


def filled(folder: Path, pages: int = 12) -> tuple[RowSpool, pl.DataFrame]:
    spool = RowSpool(folder, rows_at_once=25)
    every = [page(10 * number) for number in range(pages)]
    for each in every:
        spool.add(each)
    return spool, pl.concat(every)


def test_rows_come_back_in_their_order(tmp_path: Path) -> None:
    """All rows, as often as they are asked for, also those that came after the first look."""
    spool, every = filled(tmp_path / "spool")
    assert pl.concat(spool.frames()).equals(every)
    spool.add(page(500))
    assert pl.concat(spool.frames()).equals(pl.concat([every, page(500)]))
    assert spool.rows == 130


def test_a_small_spool_is_one_slice(tmp_path: Path) -> None:
    """Rows that fit into one slice are not split."""
    spool, every = filled(tmp_path / "spool")
    assert [each.equals(every) for each in spool.slices(EVENTS)] == [True]


def test_a_spool_that_was_never_written_out_has_its_rows(tmp_path: Path) -> None:
    """Rows without a count that still wait in memory are a slice like any other."""
    spool, joined = (
        RowSpool(tmp_path / "spool"),
        fitted(pl.DataFrame({"list_id": [1]}), SUBSCRIPTIONS),
    )
    spool.add(joined)
    assert [each.equals(joined) for each in spool.slices(SUBSCRIPTIONS)] == [True]


@pytest.mark.parametrize("slice_rows", [1, 40, 100])
def test_a_slice_holds_whole_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slice_rows: int
) -> None:
    """However small the slices are, no person is in two of them, and no row is lost."""
    monkeypatch.setattr("tasks.reports.delta.spool.SLICE_ROWS", slice_rows)
    spool, every = filled(tmp_path / "spool")
    slices = list(spool.slices(EVENTS))
    assert len(slices) > 1
    people = [person for each in slices for person in each["recipient_id"].unique()]
    assert sorted(people) == sorted(set(people))
    order = "details"
    assert pl.concat(slices).sort(order).equals(every.sort(order))
    for each in slices:
        places = each["details"].cast(pl.Int64)
        assert places.is_sorted()


@pytest.mark.parametrize("held", [119, 120])
def test_slices_from_memory_are_those_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    """Rows that never left memory come in the same slices, in the same order."""
    monkeypatch.setattr("tasks.reports.delta.spool.SLICE_ROWS", 40)
    spool, every = filled(tmp_path / "spool")
    near = RowSpool(tmp_path / "near", rows_at_once=25, held=held)
    for page_of_it in every.iter_slices(10):
        near.add(page_of_it)
    assert bool(list((tmp_path / "near").iterdir())) is (held < every.height)
    found, wanted = list(near.slices(EVENTS)), list(spool.slices(EVENTS))
    assert len(found) > 1
    assert all(one.equals(other) for one, other in zip(found, wanted, strict=True))


def test_slices_are_as_large_as_what_they_stand_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice is cut by occurrences, not by rows, since each becomes a row."""
    monkeypatch.setattr("tasks.reports.delta.spool.SLICE_ROWS", 130)
    spool, every = filled(tmp_path / "spool")
    assert every.height == 120
    assert len(list(spool.slices(EVENTS))) > 1


@pytest.mark.parametrize(("believed", "most"), [(5, 1_000), (1_000, 2)])
def test_absurd_counts_do_not_cut_a_spool_to_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, believed: int, most: int
) -> None:
    """Absurd counts make no slices, and the number of slices is limited."""
    monkeypatch.setattr("tasks.reports.delta.spool.LARGEST_COUNT", believed)
    monkeypatch.setattr("tasks.reports.delta.spool.MOST_SLICES", most)
    monkeypatch.setattr("tasks.reports.delta.spool.SLICE_ROWS", 60)
    spool = RowSpool(tmp_path / "spool")
    spool.add(page(0, rows=20, people=20).with_columns(count=pl.lit(600)))
    assert len(list(spool.slices(EVENTS))) == 2


@pytest.mark.parametrize("kind", [EVENTS, SUBSCRIPTIONS])
def test_an_empty_spool_has_no_slices(tmp_path: Path, kind: RowKind) -> None:
    """An empty spool has no rows."""
    assert list(RowSpool(tmp_path / "spool").slices(kind)) == []


def test_flushed_rows_leave_memory_and_removed_ones_the_disk(tmp_path: Path) -> None:
    """A spool that is left alone keeps nothing in memory; a removed one nothing on disk."""
    spool = RowSpool(tmp_path / "spool")
    spool.add(page(0))
    assert list((tmp_path / "spool").iterdir()) == []
    spool.flush()
    assert len(list((tmp_path / "spool").iterdir())) == 1
    spool.remove()
    assert not (tmp_path / "spool").exists()
