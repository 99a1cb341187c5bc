"""New rows are increases of counts: nothing missed, nothing doubled."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.reports.delta import new_rows, seen_events
from tasks.reports.delta import spool as delta_spool
from tasks.reports.delta.new_rows import between, rows_with_dates, select_new
from tasks.reports.delta.seen_events import SEEN_EVENTS
from tasks.reports.delta.spool import RowSpool
from tasks.reports.rows import EVENTS, SMS_EVENTS, SUBSCRIPTIONS, fitted

NOW = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
NOTHING = pl.LazyFrame(schema=SEEN_EVENTS)
Event = tuple[int, str, int | None, datetime | None]


def hour(number: int) -> datetime:
    return NOW + timedelta(hours=number)


def events(*data: Event) -> pl.DataFrame:
    """Rows of one message: recipient, link, count, date."""
    columns = {"recipient_id": pl.Int64, "details": pl.String, "count": pl.Int64,
               "at": EVENTS.schema["at"]}  # fmt: skip
    frame = pl.DataFrame(list(data), schema=columns, orient="row")
    about = (pl.lit(12).alias("message_id"), pl.lit("CLK").alias("kind"))
    return fitted(frame.with_columns(*about), EVENTS)


def values(rows: pl.DataFrame) -> list[tuple[int, str, datetime]]:
    assert set(rows["count"]) <= {1}
    return rows.select("recipient_id", "details", "at").rows()


def after(*added: pl.DataFrame) -> pl.LazyFrame:
    return pl.concat(added).lazy()


def test_each_occurrence_is_a_row() -> None:
    """A count becomes as many rows; the snapshot learns the count and the moment, once."""
    new = select_new(events((1, "x", 3, None), (2, "x", 1, None)), NOTHING, EVENTS, NOW)
    assert values(new.rows) == [(1, "x", NOW)] * 3 + [(2, "x", NOW)]
    assert new.added.schema == pl.Schema(SEEN_EVENTS)
    assert new.added.select("part", "seen_at", "count").rows() == [(12, NOW, 3), (12, NOW, 1)]


def test_only_what_grew_is_new() -> None:
    """What is known, also from several extractions, is not exported again."""
    first = select_new(events((1, "x", 1, None), (2, "x", 1, None)), NOTHING, EVENTS, NOW)
    second = select_new(
        events((1, "x", 3, None), (2, "x", 1, None)), after(first.added), EVENTS, hour(1)
    )
    assert values(second.rows) == [(1, "x", hour(1))] * 2
    known = after(first.added, second.added)
    third = select_new(events((1, "x", 4, None), (2, "x", 1, None)), known, EVENTS, hour(2))
    assert values(third.rows) == [(1, "x", hour(2))]
    assert third.added["count"].to_list() == [1]


def test_a_date_of_mailup_goes_before_ours() -> None:
    """The moment of the extraction is written only where MailUp gives none."""
    new = select_new(events((1, "x", 1, hour(-9)), (2, "x", 1, None)), NOTHING, EVENTS, NOW)
    assert [at for *_, at in values(new.rows)] == [hour(-9), NOW]
    assert new.added["seen_at"].to_list() == [NOW, NOW]


def test_a_row_that_comes_twice_counts_once() -> None:
    """Pages that move while they are walked double nothing; the largest count is right."""
    rows = events((1, "x", 1, None), (2, "x", 1, None), (1, "x", 3, None), (1, "x", 2, None))
    new = select_new(rows, NOTHING, EVENTS, NOW)
    assert Counter(values(new.rows)) == {(1, "x", NOW): 3, (2, "x", NOW): 1}
    assert sorted(new.added["count"].to_list()) == [1, 3]


def test_a_count_that_shrinks_tells_nothing() -> None:
    """Retention removes events: no rows, no negative counts, and no second export on return."""
    first = select_new(events((1, "x", 5, None)), NOTHING, EVENTS, NOW)
    known = after(first.added)
    for count in (2, 0, 5):
        again = select_new(events((1, "x", count, None)), known, EVENTS, hour(1))
        assert (again.rows.height, again.added.height) == (0, 0)
    assert select_new(events((1, "x", 6, None)), known, EVENTS, hour(1)).rows.height == 1


def test_a_row_that_vanishes_stays_known() -> None:
    """A row that MailUp removes and shows again is not new."""
    first = select_new(events((1, "x", 2, None), (2, "x", 1, None)), NOTHING, EVENTS, NOW)
    gone = select_new(events((2, "x", 1, None)), after(first.added), EVENTS, hour(1))
    assert gone.rows.is_empty()
    known = after(first.added, gone.added)
    assert select_new(events((1, "x", 2, None)), known, EVENTS, hour(2)).rows.is_empty()


def test_a_count_that_is_not_given_is_one() -> None:
    """A row without count stands for one occurrence, and one of 0 for none."""
    new = select_new(events((1, "x", None, None), (2, "x", 0, None)), NOTHING, EVENTS, NOW)
    assert values(new.rows) == [(1, "x", NOW)]


def test_an_absurd_count_does_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row stands for at most LARGEST_COUNT occurrences, whatever count it claims."""
    monkeypatch.setattr(new_rows, "LARGEST_COUNT", 10)
    rows = events((1, "x", 2**62, None), (2, "x", 10, None))
    new = select_new(rows, NOTHING, EVENTS, NOW)
    assert new.rows.height == 20
    assert select_new(rows, after(new.added), EVENTS, NOW).rows.is_empty()
    assert delta_spool.LARGEST_COUNT == 100_000


def test_rows_without_counts_are_exported_once() -> None:
    """A subscription is one event, also when it is seen in every extraction."""
    rows = fitted(pl.DataFrame({"list_id": [7], "recipient_id": [1]}), SUBSCRIPTIONS)
    again = rows.with_columns(at=pl.lit(hour(-1)).cast(SUBSCRIPTIONS.schema["at"]))
    first = select_new(rows, NOTHING, SUBSCRIPTIONS, NOW)
    assert first.rows.select("recipient_id", "at").rows() == [(1, NOW)]
    assert first.added["part"].to_list() == [7]
    assert select_new(rows, after(first.added), SUBSCRIPTIONS, hour(1)).rows.is_empty()
    assert select_new(again, after(first.added), SUBSCRIPTIONS, hour(1)).rows.height == 1


def test_each_state_of_an_sms_is_exported_once() -> None:
    """A change of state is a row; the state itself is not exported again."""
    data = {"message_id": [3, 3], "number": ["39333", "39334"], "status": ["QUEUED", "QUEUED"]}
    first = select_new(fitted(pl.DataFrame(data), SMS_EVENTS), NOTHING, SMS_EVENTS, NOW)
    assert first.rows.height == 2
    changed = fitted(pl.DataFrame(data | {"status": ["DELIVERED", "QUEUED"]}), SMS_EVENTS)
    second = select_new(changed, after(first.added), SMS_EVENTS, hour(1))
    assert second.rows.select("number", "status", "at").rows() == [("39333", "DELIVERED", hour(1))]


def test_dynamic_fields_stay_with_their_rows() -> None:
    """Columns beside those of the kind are written as they came."""
    given = pl.DataFrame({"list_id": [7], "recipient_id": [1], "field_3": ["Rossi"]})
    new = select_new(fitted(given, SUBSCRIPTIONS), NOTHING, SUBSCRIPTIONS, NOW)
    assert new.rows["field_3"].to_list() == ["Rossi"]


def test_nothing_seen_is_nothing_new() -> None:
    """A part without rows gives empty frames with all columns."""
    new = select_new(events(), NOTHING, EVENTS, NOW)
    assert new.rows.schema == events().schema
    assert new.added.schema == pl.Schema(SEEN_EVENTS)
    assert rows_with_dates(events(), NOTHING, EVENTS, NOW).is_empty()


def test_a_moment_without_zone_is_refused() -> None:
    """Moments are UTC; one that does not say so is a mistake of the caller."""
    with pytest.raises(ValueError, match="needs a zone"):
        select_new(events(), NOTHING, EVENTS, datetime(2026, 10, 25))  # noqa: DTZ001  the mistake itself


def test_everything_is_dated_as_it_was_exported() -> None:
    """A full extraction writes each occurrence with the moment at which it was first exported."""
    first = select_new(events((1, "x", 1, None), (2, "x", 2, hour(-5))), NOTHING, EVENTS, NOW)
    grown = events((1, "x", 3, None), (2, "x", 2, hour(-5)))
    second = select_new(grown, after(first.added), EVENTS, hour(1))
    later = events((1, "x", 4, None), (2, "x", 2, hour(-5)), (3, "x", 1, hour(-1)))
    full = rows_with_dates(later, after(first.added, second.added), EVENTS, hour(2))
    assert values(full) == [
        (1, "x", NOW), (1, "x", hour(1)), (1, "x", hour(1)), (1, "x", hour(2)),
        (2, "x", hour(-5)), (2, "x", hour(-5)), (3, "x", hour(-1)),
    ]  # fmt: skip


def test_what_was_exported_before_the_last_date_keeps_its_moment() -> None:
    """The date of a counted row is that of its last occurrence, not of the earlier ones."""
    first = select_new(events((1, "x", 1, hour(-1))), NOTHING, EVENTS, NOW)
    full = rows_with_dates(events((1, "x", 2, hour(1))), after(first.added), EVENTS, hour(2))
    assert values(full) == [(1, "x", NOW), (1, "x", hour(1))]


def test_a_single_date_is_believed_even_ahead_of_our_clock() -> None:
    """A clock of ours that is slow changes no date of MailUp's."""
    rows = events((1, "x", 1, hour(3)))
    new = select_new(rows, NOTHING, EVENTS, NOW)
    assert values(rows_with_dates(rows, after(new.added), EVENTS, hour(1))) == values(new.rows)


def test_an_event_that_shrank_is_still_dated_in_full() -> None:
    """What was exported once belongs to a full extraction as long as its row is there."""
    first = select_new(events((1, "x", 3, None)), NOTHING, EVENTS, NOW)
    full = rows_with_dates(events((1, "x", 1, None)), after(first.added), EVENTS, hour(1))
    assert values(full) == [(1, "x", NOW)] * 3


def test_windows_are_half_open() -> None:
    """The first moment is inside, the end belongs to the next window."""
    rows = events(*((number, "x", 1, hour(number)) for number in range(5)))
    assert between(rows, hour(1), hour(3))["recipient_id"].to_list() == [1, 2]
    assert between(rows, None, hour(3))["recipient_id"].to_list() == [0, 1, 2]
    assert between(events((1, "x", 1, None)), None, hour(3)).is_empty()


counts_drawn = st.dictionaries(
    st.tuples(st.integers(1, 4), st.sampled_from(["x", "y"])), st.integers(0, 3), max_size=6
)


@settings(derandomize=True, database=None)
@given(
    st.lists(st.tuples(counts_drawn, st.booleans(), st.booleans()), max_size=8),
    st.randoms(use_true_random=False),
)
def test_the_union_of_all_files_is_the_event_log(
    steps: list[tuple[dict[tuple[int, str], int], bool, bool]], random: Random
) -> None:
    """Whatever happens between extractions, whatever is seen twice, and however often a run dies.

    The delivered rows are the log, row by row; and a full extraction has the same with the same
    dates. The third part of a step says whether its run died before it was delivered.
    """
    log: Counter[tuple[int, str]] = Counter()
    known, delivered = NOTHING, []
    for number, (happened, looks, dies) in enumerate(steps):
        log += Counter(happened)
        if not looks:
            continue
        seen = [(who, link, count, None) for (who, link), count in log.items()]
        seen += [(who, link, random.randint(0, count), None) for who, link, count, _ in seen]
        random.shuffle(seen)
        new = select_new(events(*seen), known, EVENTS, hour(number))
        if not dies:
            known = pl.concat([known, new.added.lazy()])
            delivered += values(new.rows)
            assert Counter((who, link) for who, link, _ in delivered) == log
    last = events(*((who, link, count, None) for (who, link), count in log.items()))
    end = select_new(last, known, EVENTS, hour(99))
    delivered += values(end.rows)
    assert Counter((who, link) for who, link, _ in delivered) == log
    known = pl.concat([known, end.added.lazy()])
    assert Counter(values(rows_with_dates(last, known, EVENTS, hour(100)))) == Counter(delivered)


def test_slices_and_snapshots_together_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Part by part, slice by slice and through files, the same is new as in one piece."""
    monkeypatch.setattr(delta_spool, "SLICE_ROWS", 20)
    monkeypatch.setattr(seen_events, "_ROWS_AT_ONCE", 7)
    old, totals = None, []
    for turn in (1, 2, 2):
        data = ((who, link, 1 + who * turn % 3, None) for who in range(40) for link in "xy")
        rows = events(*data)
        folder = tmp_path / str(len(totals))
        spool, added = RowSpool(folder / "rows", rows_at_once=9), RowSpool(folder / "added")
        for page in rows.iter_slices(8):
            spool.add(page)
        known = seen_events.read_part(old, 12)
        whole = select_new(rows, known, EVENTS, hour(turn))
        found = []
        for each in spool.slices(EVENTS):
            new = select_new(each, known, EVENTS, hour(turn))
            found += values(new.rows)
            added.add(new.added)
        assert sorted(found) == sorted(values(whole.rows))
        totals.append(len(found))
        seen_events.write_seen(folder / "next.parquet", seen_events.every_part(old), added.frames())
        old = folder / "next.parquet"
    assert totals[0]
    assert totals[1]
    assert totals[2] == 0
