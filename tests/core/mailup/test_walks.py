"""Walks during changes: everybody is found, or the walk is an error."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.errors import MailUpUnavailable
from blocks.mailup.pages.identities import ItemIdentity, SeenKeys, by_id
from blocks.mailup.pages.page import Page
from blocks.mailup.pages.walking import MAX_ROUNDS, walk

IDS = by_id("id")
Happening = Callable[["Server"], None]


def rows(numbers: Any) -> list[dict[str, Any]]:
    """Items with these ids."""
    return [{"id": number} for number in numbers]


@dataclass
class Server:
    """A resource with pages from 0; *script* says what happens before the n-th call."""

    ids: list[int]
    script: dict[int, Happening] = field(default_factory=dict)
    cap: int = 10**9
    tells_cap: bool = True
    tells_total: bool = True
    shown: Callable[[list[int]], list[int]] = lambda items: items
    calls: int = 0
    always: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.always = set(self.ids)

    def page(self, number: int, size: int) -> Page:
        self.calls += 1
        self.shown = Server.shown
        if self.calls in self.script:
            self.script[self.calls](self)
        self.always &= set(self.ids)
        real = min(size, self.cap)
        items = self.shown(self.ids[number * real : (number + 1) * real])
        reported = real if self.tells_cap else size
        return Page(rows(items), reported, len(self.ids) if self.tells_total else 0)

    def walked(self, size: int, identity: ItemIdentity = IDS) -> list[int]:
        return [item["id"] for items in walk(self.page, size, identity) for item in items]


def appended(server: Server) -> None:
    """Somebody new, with the highest id."""
    server.ids.append(max(server.ids, default=0) + 1)


def removed(place: int) -> Happening:
    """Whoever is at a place is deleted."""

    def happen(server: Server) -> None:
        if server.ids:
            server.ids.pop(place % len(server.ids))

    return happen


def came_back(place: int) -> Happening:
    """Somebody comes back in the middle: an id between others."""

    def happen(server: Server) -> None:
        at = place % (len(server.ids) + 1)
        low = server.ids[at - 1] if at else 0
        high = server.ids[at] if at < len(server.ids) else low + 2
        if high - low > 1:
            server.ids.insert(at, (low + high) // 2)

    return happen


def short(left: int) -> Happening:
    """One page comes with fewer items than there are."""

    def happen(server: Server) -> None:
        server.shown = lambda items: items[: left % (len(items) + 1)]

    return happen


HAPPENINGS = st.one_of(
    st.just(appended),
    st.integers(0, 99).map(removed),
    st.integers(0, 99).map(came_back),
    st.integers(0, 9).map(short),
)


@given(
    count=st.integers(0, 60),
    size=st.integers(1, 20),
    cap=st.sampled_from([10**9, 10**9, 7, 3]),
    tells_cap=st.booleans(),
    script=st.dictionaries(st.integers(1, 40), HAPPENINGS, max_size=8),
)
def test_whoever_was_there_all_the_time_is_met_once(
    count: int, size: int, cap: int, tells_cap: bool, script: dict[int, Happening]
) -> None:
    """Growth, deletions, returns, short and empty pages: nobody is left out without an error,
    nobody comes twice, and the calls are bounded."""
    server = Server(
        [10 * each for each in range(1, count + 1)], script, cap=cap, tells_cap=tells_cap
    )
    try:
        found = server.walked(size)
    except MailUpUnavailable:
        found = None
    if found is not None:
        assert server.always <= set(found)
        assert len(found) == len(set(found))
    real = min(size, cap)
    assert server.calls <= MAX_ROUNDS * ((count + len(script)) // min(real, 3) + 33)


@given(
    count=st.integers(0, 60),
    size=st.integers(1, 20),
    script=st.dictionaries(st.integers(2, 40), st.just(appended), max_size=8),
)
def test_a_list_that_grows_is_walked(count: int, size: int, script: dict[int, Happening]) -> None:
    """New people at the end never make a walk fail."""
    server = Server(list(range(1, count + 1)), script)
    assert server.always <= set(server.walked(size))


@pytest.mark.parametrize("places", [[0], [0, 0, 5], [3, 40, 77, 12, 5]])
def test_a_list_that_shrinks_is_walked_again(places: list[int]) -> None:
    """Deletions move others to a page that was read before: another walk finds them."""
    server = Server(
        list(range(100)), {call: removed(place) for call, place in enumerate(places, 2)}
    )
    assert server.always <= set(server.walked(10))
    assert 20 < server.calls < 40


def nodes(*totals: int) -> Callable[[int, int], Page]:
    """A cluster: each call is answered by the next node, which knows so many people."""
    calls = iter(range(10**6))

    def get_page(number: int, size: int) -> Page:
        total = totals[next(calls) % len(totals)]
        return Page(rows(range(total)[number * size : (number + 1) * size]), size, total)

    return get_page


@pytest.mark.parametrize("totals", [(200, 180), (200, 180, 200), (180, 200), (200, 200, 199)])
@pytest.mark.parametrize("size", [20, 50, 7])
def test_totals_that_go_up_and_down_end(totals: tuple[int, ...], size: int) -> None:
    """Two nodes that do not agree: all people, or an error; never less, never for ever."""
    asked: list[int] = []
    get_page = nodes(*totals)

    def counted(number: int, size: int) -> Page:
        asked.append(number)
        return get_page(number, size)

    try:
        found = {item["id"] for items in walk(counted, size, IDS) for item in items}
        assert found == set(range(200))
    except MailUpUnavailable as failure:
        assert "changed during" in str(failure) or "before the end" in str(failure)
    assert len(asked) <= 3 * (2 * (200 // size) + 13)


def test_a_node_that_lacks_people_in_the_middle_is_never_the_whole_list() -> None:
    """Pages that agree each time, but are fewer than the total, are no whole list."""
    lagging = [each for each in range(200) if not 60 <= each < 80]

    def get_page(number: int, size: int) -> Page:
        known = lagging if number % 2 else list(range(200))
        return Page(rows(known[number * size : (number + 1) * size]), size, len(known))

    with pytest.raises(MailUpUnavailable, match="changed during"):
        list(walk(get_page, 50, IDS))


def test_answers_without_an_order_are_no_walk() -> None:
    """Items in another order for each page: what was not met is not guessed."""
    order = list(range(100))

    def get_page(number: int, size: int) -> Page:
        order.append(order.pop(0) if number % 3 else order.pop(50))
        order.reverse()
        return Page(rows(order[number * size : (number + 1) * size]), size, 100)

    with pytest.raises(MailUpUnavailable):
        list(walk(get_page, 10, IDS))


@given(count=st.integers(0, 60), size=st.integers(1, 20), cut=st.integers(1, 9))
def test_an_end_without_a_total_is_asked_for_twice(count: int, size: int, cut: int) -> None:
    """Without a total, one empty page is not an end."""
    script: dict[int, Happening] = {cut: short(0)}
    server = Server(list(range(count)), script, tells_total=False)
    assert sorted(server.walked(size)) == list(range(count))


def test_rows_that_are_alike_come_as_often_as_they_are() -> None:
    """Rows without an id, such as one per click: the repeated walk doubles none of them."""
    clicks = ItemIdentity((("id",), ("url",)))
    totals = iter([60, 59, *[60] * 20])
    items = [{"id": each // 3, "url": "a" if each % 3 else "b"} for each in range(60)]

    def get_page(number: int, size: int) -> Page:
        return Page(items[number * size : (number + 1) * size], size, next(totals))

    found = [item for some in walk(get_page, 20, clicks) for item in some]
    assert found == items


@given(
    st.lists(st.lists(st.integers(0, 30), max_size=9), max_size=12), st.lists(st.integers(0, 30))
)
def test_what_was_met_is_counted(pages: list[list[int]], asked: list[int]) -> None:
    """The compact memory of a walk counts like a list."""
    met, plainly = SeenKeys(), [key for page in pages for key in page]
    for page in pages:
        met.add(pl.Series(page, dtype=pl.Int64))
    counted = met.times(pl.Series(asked, dtype=pl.Int64)).to_list()
    assert counted == [plainly.count(key) for key in asked]
    assert (len(met), met.largest) == (len(plainly), max(plainly, default=None))
