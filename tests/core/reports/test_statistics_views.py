"""E-mail statistics in both documented views."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.reports.delta.new_rows import select_new
from tasks.reports.delta.seen_events import SEEN_EVENTS
from tasks.reports.rows import EVENTS, UNSUBSCRIPTIONS, fitted
from tasks.reports.statistics_views import as_events, count_clicks, every_event, latest_action

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
Row = tuple[int, str, str, int | None]


def rows(*data: Row) -> pl.DataFrame:
    """Rows of one message: recipient, kind, details, count."""
    names = ["recipient_id", "kind", "details", "count"]
    types = {name: EVENTS.schema[name] for name in names}
    frame = pl.DataFrame(list(data), schema=types, orient="row")
    return fitted(frame.with_columns(list_id=pl.lit(7), message_id=pl.lit(12)), EVENTS)


def values(frame: pl.DataFrame) -> list[tuple[int, str, str]]:
    assert frame.columns == list(EVENTS.schema)
    return sorted(frame.select("recipient_id", "kind", "details").rows())


@pytest.mark.parametrize(
    ("given_rows", "expected"),
    [
        ([(1, "SNT", "", 1)], [(1, "SNT", "")]),
        ([(1, "SNT", "", 1), (1, "OPN", "", 4)], [(1, "OPN", "")]),
        ([(1, "SNT", "", 1), (1, "OPN", "", 2), (1, "CLK", "a", 3)], [(1, "CLK", "a")]),
        (
            [(1, "OPN", "", 1), *((1, "CLK", link, 1) for link in "abc")],
            [(1, "CLK", "a"), (1, "CLK", "b"), (1, "CLK", "c")],
        ),
        ([(1, "SNT", "", 1), (1, "NCO", "550", 1)], [(1, "NCO", "550")]),
        ([(1, "NCO", "450", 1), (1, "OPN", "", 1)], [(1, "OPN", "")]),
        ([(1, "NCO", "450", 1), (1, "NCO", "550", 1)], [(1, "NCO", "550")]),
        ([(1, "SNT", "", 1), (1, "OPN", "", 0)], [(1, "SNT", "")]),
        ([(1, "SNT", "", None), (1, "CLK", "a", None)], [(1, "CLK", "a")]),
        ([(1, "OPN", "", 1), (2, "SNT", "", 1)], [(1, "OPN", ""), (2, "SNT", "")]),
        ([(1, "OPN", "", 1), (1, "UNS", "2", 1)], [(1, "OPN", ""), (1, "UNS", "2")]),
    ],
)
def test_only_the_latest_action_is_exported(
    given_rows: list[Row], expected: list[tuple[int, str, str]]
) -> None:
    """The documented examples, and those that the documentation leaves open."""
    latest = latest_action(rows(*given_rows))
    assert values(latest) == expected
    assert set(latest["count"]) == {1}


def test_every_event_keeps_all_rows_and_counts() -> None:
    """Sendings, opens, clicks and bounces all stay, with how often they happened."""
    given_rows = rows((1, "SNT", "", 1), (1, "OPN", "", 4), (1, "CLK", "a", 2), (2, "NCO", "5", 1))
    assert every_event(given_rows).equals(given_rows)


def test_what_is_not_wanted_is_left_out() -> None:
    """Without NCO rows a bounced recipient has no row, in particular none that says SNT."""
    given_rows = rows((1, "SNT", "", 1), (2, "SNT", "", 1), (2, "NCO", "5", 1), (3, "OPN", "", 1))
    assert values(every_event(given_rows, sent=False)) == [(2, "NCO", "5"), (3, "OPN", "")]
    assert values(every_event(given_rows, bounces=False)) == [
        (1, "SNT", ""), (2, "SNT", ""), (3, "OPN", ""),
    ]  # fmt: skip
    assert values(latest_action(given_rows, bounces=False)) == [(1, "SNT", ""), (3, "OPN", "")]
    assert values(latest_action(given_rows, sent=False)) == [(2, "NCO", "5"), (3, "OPN", "")]


def test_the_same_person_in_two_messages_has_two_latest_actions() -> None:
    """An action on one message says nothing about another one."""
    one = rows((1, "SNT", "", 1))
    other = rows((1, "OPN", "", 1)).with_columns(message_id=pl.lit(13, pl.Int64))
    assert values(latest_action(pl.concat([one, other]))) == [(1, "OPN", ""), (1, "SNT", "")]


def test_of_several_bounces_the_latest_is_exported() -> None:
    """The date decides where MailUp gives one, not the code."""
    both = rows((1, "NCO", "550", 1), (1, "NCO", "450", 1)).with_columns(
        at=pl.Series([NOW, NOW + timedelta(days=1)], dtype=EVENTS.schema["at"])
    )
    assert values(latest_action(both)) == [(1, "NCO", "450")]


def test_what_followed_is_exported_later_and_nothing_twice() -> None:
    """Extraction by extraction: sent, then opened, then clicked; each once."""
    known, files = pl.LazyFrame(schema=SEEN_EVENTS), []
    seen: list[Row] = []
    for news in [(1, "SNT", "", 1), (1, "OPN", "", 1), (1, "OPN", "", 3), (1, "CLK", "a", 2)]:
        seen = [each for each in seen if each[:3] != news[:3]] + [news]
        new = select_new(latest_action(rows(*seen)), known, EVENTS, NOW)
        known = pl.concat([known, new.added.lazy()])
        files.append(values(new.rows))
    assert files == [[(1, "SNT", "")], [(1, "OPN", "")], [], [(1, "CLK", "a")]]


def test_clicks_without_counts_are_counted() -> None:
    """Where each click has a row, those of one person on one link are one row with their number."""
    given_rows = rows(
        (1, "CLK", "a", 1), (1, "CLK", "a", 1), (1, "CLK", "b", 1), (2, "CLK", "a", 1),
        (1, "OPN", "", 1), (1, "OPN", "", 1),
    )  # fmt: skip
    counted = count_clicks(given_rows).select("recipient_id", "kind", "details", "count").rows()
    assert sorted(counted) == [
        (1, "CLK", "a", 2), (1, "CLK", "b", 1), (1, "OPN", "", 1), (1, "OPN", "", 1),
        (2, "CLK", "a", 1),
    ]  # fmt: skip


def test_unsubscriptions_become_rows_of_the_cumulative_file() -> None:
    """List, recipient, message, type and date are those of the unsubscription."""
    data = {
        "list_id": [7, 7], "recipient_id": [1, 2], "email": ["a@example.com", "b@example.com"],
        "at": [NOW, NOW], "message_id": [12, None], "type": ["2", None], "field_3": ["x", "y"],
    }  # fmt: skip
    made = as_events(fitted(pl.DataFrame(data), UNSUBSCRIPTIONS))
    assert made.schema == pl.Schema(EVENTS.schema)
    shown = made.select("list_id", "message_id", "email", "kind", "details", "count", "at").rows()
    assert shown == [
        (7, 12, "a@example.com", "UNS", "2", 1, NOW),
        (7, None, "b@example.com", "UNS", "", 1, NOW),
    ]


def plain(data: list[Row]) -> set[tuple[int, str, str]]:
    """The rule, person by person."""
    found = set()
    for who in {row[0] for row in data}:
        mine = [row for row in data if row[0] == who and row[3] != 0]
        for kind in ("CLK", "OPN", "NCO", "SNT"):
            details = {row[2] for row in mine if row[1] == kind}
            if details:
                kept = details if kind == "CLK" else {max(details)}
                found |= {(who, kind, each) for each in kept}
                break
    return found


row_drawn = st.one_of(
    st.tuples(
        st.integers(1, 3), st.sampled_from(["SNT", "OPN"]), st.just(""), st.integers(0, 2)
    ),
    st.tuples(
        st.integers(1, 3), st.sampled_from(["CLK", "NCO"]), st.sampled_from("ab"), st.integers(0, 2)
    ),
)  # fmt: skip


@settings(derandomize=True, database=None)
@given(st.lists(row_drawn, max_size=12))
def test_the_latest_action_follows_its_rule(data: list[Row]) -> None:
    """Vectorised or person by person, and with rows that come twice, the same rows are exported."""
    assert values(latest_action(rows(*data))) == sorted(plain(data))
