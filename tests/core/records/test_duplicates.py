"""Of several rows for one recipient exactly one counts."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.frames import LINE
from tasks.records.validation.duplicates import Keys

SCHEMA = {
    LINE: pl.Int64,
    "key_high": pl.UInt64,
    "key_low": pl.UInt64,
    "list_id": pl.Int64,
    "status": pl.String,
}
Row = tuple[int, int, int, str | None]


def chunks(rows: list[Row], size: int) -> list[pl.DataFrame]:
    data = [(line, *row) for line, row in enumerate(rows, start=2)]
    frame = pl.DataFrame(data, schema=SCHEMA, orient="row").with_columns(second_key=True)
    return [frame.slice(start, size) for start in range(0, max(1, len(rows)), size)]


def settle(
    rows: list[Row], size: int = 3, *, last: bool = False, spool: Path | None = None
) -> tuple[list[int], Keys]:
    keys = Keys(spool, last_row_decides_status=last)
    parts = chunks(rows, size)
    for part in parts:
        keys.add(part)
    masks = [*keys.winners()]
    won = [part.filter(mask)[LINE].to_list() for part, mask in zip(parts, masks, strict=True)]
    return [line for lines in won for line in lines], keys


def expected(rows: list[Row], *, last: bool) -> dict[Row, int]:
    best: dict[tuple[int, int, int], tuple[bool, int]] = {}
    for line, (high, low, list_id, status) in enumerate(rows, start=2):
        rank = (not last and status == "unsubscribed", line)
        best[high, low, list_id] = max(best.get((high, low, list_id), rank), rank)
    return {key: line for key, (_, line) in best.items()}


def test_the_last_row_wins_across_chunks() -> None:
    """The later row counts, however far apart the rows are; the others name the one that counts."""
    won, keys = settle([(1, 1, 7, None), (2, 2, 7, None), (3, 3, 7, None), (1, 1, 7, None)])
    assert won == [3, 4, 5]
    assert keys.duplicates().rows() == [(2, "duplicate", 5)]


def test_who_unsubscribes_in_one_row_stays_unsubscribed() -> None:
    """An opt-out row beats every other row of the same person, before or after it."""
    rows: list[Row] = [(1, 1, 7, "subscribed"), (1, 1, 7, "unsubscribed"), (1, 1, 7, None)]
    assert settle(rows)[0] == [3]
    assert settle(rows, last=True)[0] == [4]


def test_lists_are_kept_apart() -> None:
    """One person in two lists is no duplicate."""
    assert settle([(1, 1, 7, None), (1, 1, 8, None)])[0] == [2, 3]


def test_half_a_key_in_common_loses_nobody() -> None:
    """Two people whose hashes collide in one half are two people."""
    assert settle([(1, 1, 7, None), (1, 2, 7, None), (2, 1, 7, None)])[0] == [2, 3, 4]


def test_nothing_collected_is_no_problem() -> None:
    """Without chunks there are no masks, without records empty ones."""
    assert [*Keys().winners()] == []
    assert Keys().duplicates().is_empty()
    assert settle([])[0] == []


def test_a_chunk_after_the_decision_is_refused() -> None:
    """Winners are determined once: a later chunk is an error."""
    keys = settle([(1, 1, 7, None)])[1]
    with pytest.raises(RuntimeError, match="no chunk can be added"):
        keys.add(chunks([(1, 1, 7, None)], 1)[0])


def test_keys_of_big_files_wait_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing keys in shares, as memory wants it, gives the same winners and leaves no file."""
    rows: list[Row] = [(high, 1, 7, None) for high in [5, 6, 7, 8, 5, 6, 9, 21, 21]]
    together = settle(rows)
    monkeypatch.setattr("tasks.records.validation.duplicates._ROWS_AT_ONCE", 4)
    won, apart = settle(rows, 2, spool=tmp_path / "keys")
    assert [*(tmp_path / "keys").iterdir()] == []
    assert won == together[0] == [4, 5, 6, 7, 8, 10]
    assert apart.duplicates().equals(together[1].duplicates())


rows_drawn = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(1, 2),
        st.sampled_from([None, "subscribed", "unsubscribed"]),
    ),
    max_size=30,
)


@settings(derandomize=True, database=None)
@given(rows_drawn, st.integers(1, 7), st.booleans())
def test_one_winner_for_each_person_and_list(rows: list[Row], size: int, last: bool) -> None:
    """Winners are those of the plain rule; every other row names the winner of its own key."""
    winners = expected(rows, last=last)
    won, keys = settle(rows, size, last=last)
    assert won == sorted(winners.values())
    beaten = {line: instead for line, _, instead in keys.duplicates().rows()}
    assert sorted([*won, *beaten]) == list(range(2, len(rows) + 2))
    assert all(winners[rows[line - 2][:3]] == instead for line, instead in beaten.items())


@pytest.mark.parametrize("last", [False, True], ids=["who leaves wins", "the last row decides"])
def test_a_refused_row_that_unsubscribes_lets_nobody_subscribe(last: bool) -> None:
    """An opt-out with a fault keeps the person's other rows out, and never a sound opt-out."""
    other, leaves = (1, 1, 7, None), (1, 1, 7, "unsubscribed")
    for before, counts in (([other], []), ([leaves, other], [2]), ([other, leaves], [3])):
        keys = Keys(last_row_decides_status=last)
        keys.add(chunks(before, 9)[0])
        keys.add_vetoes(chunks([*before, leaves], 9)[0].tail(1))
        (mask,) = keys.winners()
        assert [line for line, wins in enumerate(mask, 2) if wins] == counts
        assert keys.duplicates().height == len(before) - len(counts)
