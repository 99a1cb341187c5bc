"""Walking pages: it ends, and nothing is left out."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.errors import MailUpUnavailable
from blocks.mailup.paging import SMALLEST_PAGE, Page, walk

ROWS = [{"id": number} for number in range(1203)]


def _server(
    rows: list[dict[str, int]],
    *,
    cap: int = 10**9,
    tells_cap: bool = True,
    tells_total: bool = True,
) -> Callable[[int, int], Page]:
    """A resource with pages from 0, as MailUp answers it."""

    def get_page(number: int, size: int) -> Page:
        real = min(size, cap)
        # A server that hides its cap still counts pages with its own size.
        start = number * real
        items = rows[start : start + real]
        return Page(items, real if tells_cap else size, len(rows) if tells_total else 0)

    return get_page


def _ids(get_page: Callable[[int, int], Page], size: int) -> list[int]:
    return [item["id"] for items in walk(get_page, size) for item in items]


@given(count=st.integers(0, 300), size=st.integers(1, 120), cap=st.integers(1, 120))
def test_every_item_comes_once(count: int, size: int, cap: int) -> None:
    """Whatever the page size and the server's cap, each item comes exactly once, in order."""
    assert list(range(count)) == _ids(_server(ROWS[:count], cap=cap), size)


@given(count=st.integers(0, 300), size=st.integers(1, 120), cap=st.integers(1, 120))
def test_a_hidden_cap_loses_nothing(count: int, size: int, cap: int) -> None:
    """A server that shortens pages without saying so loses no item."""
    assert list(range(count)) == _ids(_server(ROWS[:count], cap=cap, tells_cap=False), size)


@given(count=st.integers(0, 300), size=st.integers(1, 120))
def test_totals_of_zero_are_not_believed(count: int, size: int) -> None:
    """A TotalElementsCount of 0 beside items does not end the walk early."""
    assert list(range(count)) == _ids(_server(ROWS[:count], tells_total=False), size)


@pytest.mark.parametrize(("count", "total"), [(1203, 0), (100, 0), (40, 5000)])
def test_an_unpaged_answer_is_read_once(count: int, total: int) -> None:
    """PageSize 0 means one page, asked for once, whatever the total says."""
    asked: list[int] = []

    def get_page(number: int, _size: int) -> Page:
        asked.append(number)
        return Page(ROWS[:count], 0, total)

    assert _ids(get_page, 100) == list(range(count))
    assert asked == [0]


def test_more_items_than_asked_for_is_an_unpaged_answer() -> None:
    """A server that ignores the page size is asked once."""
    assert len(ROWS) == len(_ids(lambda _, size: Page(ROWS, size, 5000), 100))


def test_a_server_that_repeats_its_page_is_refused() -> None:
    """A server that ignores the page number ends in an error, not in a loop."""
    with pytest.raises(MailUpUnavailable, match="same page twice"):
        list(walk(lambda _, size: Page(ROWS[:size], size, 10_000), 100))


def test_a_server_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that never come to an end stop at a bound."""
    monkeypatch.setattr("blocks.mailup.paging.MAX_PAGES", 50)
    with pytest.raises(MailUpUnavailable, match="do not come to an end"):
        list(walk(lambda number, size: Page([{"id": number}] * size, size, 10**9), 2))


def test_a_page_that_times_out_is_asked_again_smaller() -> None:
    """A size that is too large is halved; the items already taken are not taken again."""
    server, sizes = _server(ROWS), []

    def get_page(number: int, size: int) -> Page:
        sizes.append(size)
        if size > 150 and number > 0:
            raise MailUpUnavailable("too slow", timed_out=True)
        return server(number, size)

    assert list(range(1203)) == _ids(get_page, 501)
    assert sizes[:4] == [501, 501, 250, 125]


def test_small_pages_that_time_out_are_an_error() -> None:
    """Below the smallest page a time-out is not the page's fault: the error goes up."""
    sizes: list[int] = []

    def get_page(_number: int, size: int) -> Page:
        sizes.append(size)
        raise MailUpUnavailable("too slow", timed_out=True)

    with pytest.raises(MailUpUnavailable, match="too slow"):
        list(walk(get_page, 500))
    assert sizes[-1] == SMALLEST_PAGE


def test_other_failures_do_not_make_pages_smaller() -> None:
    """Only a time-out leads to a smaller page."""

    def get_page(_number: int, _size: int) -> Page:
        raise MailUpUnavailable("no connection", timed_out=False)

    with pytest.raises(MailUpUnavailable, match="no connection"):
        list(walk(get_page, 500))


@given(st.lists(st.integers(0, 99), min_size=1, max_size=30, unique=True), st.integers(1, 20))
def test_rows_that_disappear_hide_no_others(gone: list[int], size: int) -> None:
    """When rows are deleted in mid-walk, every row that stays is seen at least once."""
    rows, to_go = list(ROWS[:100]), list(gone)

    def get_page(number: int, size: int) -> Page:
        if number and to_go:
            rows.remove({"id": to_go.pop()})
        return _server(rows)(number, size)

    seen = set(_ids(get_page, size))
    assert {row["id"] for row in rows} <= seen


def test_the_envelope_is_read_in_any_letter_case() -> None:
    """MailUp's key spellings differ between resources."""
    page = Page.read({"items": [1, 2], "PAGESIZE": 2, "totalElementsCount": 7})
    assert (page.items, page.size, page.total) == ([1, 2], 2, 7)
    assert Page.read([{"a": 1}]).size == 0
