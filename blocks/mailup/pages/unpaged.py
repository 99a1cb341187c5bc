"""Read resources that are documented as not paged, also if MailUp does page them."""

from collections.abc import Iterator, Sequence

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.answers import Answer, JsonObject
from blocks.mailup.http.session import Session
from blocks.mailup.pages.identities import ItemIdentity
from blocks.mailup.pages.page import Page
from blocks.mailup.pages.walking import SMALLEST_PAGE, walk

DEFAULT_PAGE = 20
"""Items of a page if no size is requested."""


def whole_answer(session: Session, path: str) -> Iterator[Sequence[JsonObject]]:
    """All items of a resource that is documented as not paged.

    It is requested without page parameters, because a server that cuts the answer by them does
    not report it (such answers have a PageSize and a total of 0). If the answer shows that there
    is more, or times out, the resource is walked page by page instead.
    """
    page = _request_all(session, path)
    if page is not None and not _is_truncated(page):
        if page.items:
            yield page.items
        return
    yield from walk(
        lambda number, size: _request_page(session, path, number, size),
        session.page_size,
        ItemIdentity(),
        f"GET {path}",
    )


def _request_all(session: Session, path: str) -> Page | None:
    """The answer without paging; None if it takes too long."""
    try:
        return session.read(path, _page, repeat_timeouts=False)
    except MailUpUnavailable as failure:
        if not failure.context.get("timed_out"):
            raise
        return None


def _is_truncated(page: Page) -> bool:
    """Whether the answer may be the first page of several; totals and sizes of 0 are unknown."""
    if page.total:
        return page.total > len(page.items)
    return len(page.items) == (page.size or DEFAULT_PAGE)


def _request_page(session: Session, path: str, number: int, size: int) -> Page:
    wanted = {"PageNumber": str(number), "PageSize": str(size)}
    return session.read(path, _page, wanted, repeat_timeouts=size <= SMALLEST_PAGE)


def _page(answer: Answer) -> Page:
    return Page.read(answer.json(), answer.doing)
