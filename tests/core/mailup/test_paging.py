"""Walks through pages end, and leave nothing out."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.pages.identities import by_id
from blocks.mailup.pages.page import Page, PageWithoutItems
from blocks.mailup.pages.walking import SMALLEST_PAGE, walk

IDS = by_id("id")
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
    return [item["id"] for items in walk(get_page, size, IDS) for item in items]


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


def _behind(manner: str, get_page: Callable[[int, int], Page]) -> Callable[[int, int], Page]:
    """The same resource, without a total, with this answer to a page after the last one."""

    def asked(number: int, size: int) -> Page:
        page = get_page(number, size)
        if page.items or not number:
            return page
        if manner == "refused":
            raise MailUpRefused("no such page", status=400)
        if manner == "no list":
            raise PageWithoutItems("no list of Items")
        while not page.items:
            number -= 1
            page = get_page(number, size)
        return page

    return asked


BEHIND = ["refused", "no list", "last page"]


@pytest.mark.parametrize("manner", BEHIND)
@given(count=st.integers(1, 300), size=st.integers(SMALLEST_PAGE, 120), cap=st.integers(7, 120))
def test_an_end_that_is_not_given_is_found(manner: str, count: int, size: int, cap: int) -> None:
    """Without a total, and without an empty page: a page that is not full shows the end."""
    server = _server(ROWS[:count], cap=cap, tells_total=False)
    assert _ids(_behind(manner, server), size) == list(range(count))


@pytest.mark.parametrize("manner", BEHIND)
@given(count=st.integers(60, 300), size=st.integers(7, 50), data=st.data())
def test_an_error_in_the_middle_is_no_end(
    manner: str, count: int, size: int, data: st.DataObject
) -> None:
    """A page that always fails, or repeats the one before, although items follow."""
    at = data.draw(st.integers(1, (count - 1) // size))
    server = _server(ROWS[:count], tells_total=False)

    def get_page(number: int, asked: int) -> Page:
        if (number, asked) != (at, size):
            return _behind(manner, server)(number, asked)
        if manner == "last page":
            return server(at - 1, size)
        raise MailUpUnavailable("fails", status=500)

    with pytest.raises(MailUpUnavailable):
        _ids(get_page, size)


@pytest.mark.parametrize(("count", "total"), [(1203, 0), (100, 0), (40, 40), (1203, 1203)])
def test_an_unpaged_answer_is_read_once(count: int, total: int) -> None:
    """A server that does not page is accepted if its total says so, or if every page is the same
    and is no size that was asked for."""
    asked: list[int] = []

    def get_page(number: int, _size: int) -> Page:
        asked.append(number)
        return Page(ROWS[:count], 0, total)

    assert _ids(get_page, 200) == list(range(count))
    assert asked == ([0] if total else [0, 1])


@pytest.mark.parametrize(
    ("count", "total", "page_size"), [(40, 5000, 0), (1203, 5000, 100), (100, 0, 0)]
)
def test_an_unpaged_answer_that_may_be_cut_is_refused(
    count: int, total: int, page_size: int
) -> None:
    """Fewer items than the total, or just as many as asked for, are no whole answer."""
    with pytest.raises(MailUpUnavailable, match="same page twice"):
        _ids(lambda *_: Page(ROWS[:count], page_size, total), 100)


def test_a_server_that_repeats_its_page_is_refused() -> None:
    """A server that ignores the page number ends in an error, not in a loop."""
    with pytest.raises(MailUpUnavailable, match="same page twice"):
        _ids(lambda _, size: Page(ROWS[:size], size, 10_000), 100)


def test_a_server_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that never come to an end stop at a bound."""
    monkeypatch.setattr("blocks.mailup.pages.walking.MAX_PAGES", 50)

    def get_page(number: int, size: int) -> Page:
        start = number * size
        return Page([{"id": each} for each in range(start, start + size)], size, 10**9)

    with pytest.raises(MailUpUnavailable, match="do not end"):
        _ids(get_page, 2)


def test_pages_without_anything_new_are_refused() -> None:
    """A server whose pages bring the same items in another order does not hold a run for ever."""
    asked: list[int] = []

    def get_page(number: int, size: int) -> Page:
        asked.append(number)
        return Page(ROWS[number % size : size] + ROWS[: number % size], size, 10**6)

    with pytest.raises(MailUpUnavailable, match="do not advance"):
        _ids(get_page, 50)
    assert len(asked) < 30


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
    """A time-out of the smallest page is raised."""
    sizes: list[int] = []

    def get_page(_number: int, size: int) -> Page:
        sizes.append(size)
        raise MailUpUnavailable("too slow", timed_out=True)

    with pytest.raises(MailUpUnavailable, match="too slow"):
        _ids(get_page, 500)
    assert sizes[-1] == SMALLEST_PAGE


@pytest.mark.parametrize(
    "failure",
    [
        MailUpRefused("too large", status=400),
        MailUpUnavailable("failed", status=500),
        MailUpUnavailable("refused", status=200, error_in_body=True),
    ],
    ids=["refused", "failing", "refused in spite of its status"],
)
def test_a_first_page_that_is_refused_for_its_size_is_asked_again_smaller(
    failure: Exception,
) -> None:
    """How MailUp answers a size that it does not take is documented nowhere: the walk is whole."""
    server = _server(ROWS)

    def get_page(number: int, size: int) -> Page:
        if size > 100:
            raise failure
        return server(number, size)

    assert list(range(1203)) == _ids(get_page, 500)


def test_a_refusal_that_no_size_mends_is_an_error() -> None:
    """If MailUp refuses every request, its answer is raised."""

    def get_page(_number: int, _size: int) -> Page:
        raise MailUpRefused("not allowed", status=400)

    with pytest.raises(MailUpRefused, match="not allowed"):
        _ids(get_page, 500)


def test_no_items_are_an_end_only_where_that_is_given() -> None:
    """A page with a total of 0 is an answer without items; null or nothing alone is none."""
    for none in ({"Items": None}, {"Items": ""}, {"PageSize": 50}):
        assert Page.read(none | {"TotalElementsCount": 0}).items == []
    for answer in ({"Items": None}, {"TotalElementsCount": 0}, {"Items": None, "Total": 3}, {}):
        with pytest.raises(MailUpUnavailable, match="no list of Items"):
            Page.read(answer)


def test_other_failures_do_not_make_pages_smaller() -> None:
    """Only a time-out leads to a smaller page."""

    def get_page(_number: int, _size: int) -> Page:
        raise MailUpUnavailable("no connection", timed_out=False)

    with pytest.raises(MailUpUnavailable, match="no connection"):
        _ids(get_page, 500)


def test_the_envelope_is_read_in_any_letter_case() -> None:
    """MailUp's key spellings differ between resources."""
    page = Page.read({"items": [1, 2], "PAGESIZE": 2, "totalElementsCount": 7})
    assert (list(page.items), page.size, page.total) == ([1, 2], 2, 7)
    assert Page.read([{"a": 1}]).size == 0
