"""Resources that MailUp answers in one piece, and how to read them if it ever pages them."""

from collections.abc import Iterator, Sequence

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.answers import Answer, JsonObject
from blocks.mailup.http.session import Session
from blocks.mailup.pages.identities import ItemIdentity
from blocks.mailup.pages.page import Page
from blocks.mailup.pages.walking import SMALLEST_PAGE, walk

DEFAULT_PAGE = 20
"""Items of a page whose size nobody asked for."""


def whole_answer(session: Session, path: str) -> Iterator[Sequence[JsonObject]]:
    """All items of a resource that is documented as not paged: one piece, as long as it is one.

    Page parameters are left out: what a server cuts because of them, it need not report (such
    answers carry a PageSize and a total of 0). An answer that shows that there is more, or that
    times out, is walked page by page instead.
    """
    page = _asked_whole(session, path)
    if page is not None and not _is_cut(page):
        if page.items:
            yield page.items
        return
    yield from walk(
        lambda number, size: _asked_page(session, path, number, size),
        session.page_size,
        ItemIdentity(),
        f"GET {path}",
    )


def _asked_whole(session: Session, path: str) -> Page | None:
    """The answer in one piece; None when it takes too long."""
    try:
        return session.read(path, _page, repeat_timeouts=False)
    except MailUpUnavailable as failure:
        if not failure.context.get("timed_out"):
            raise
        return None


def _is_cut(page: Page) -> bool:
    """Whether the answer may be the first page of several. Totals and sizes of 0 tell nothing."""
    if page.total:
        return page.total > len(page.items)
    return len(page.items) == (page.size or DEFAULT_PAGE)


def _asked_page(session: Session, path: str, number: int, size: int) -> Page:
    wanted = {"PageNumber": str(number), "PageSize": str(size)}
    return session.read(path, _page, wanted, repeat_timeouts=size <= SMALLEST_PAGE)


def _page(answer: Answer) -> Page:
    return Page.read(answer.json(), answer.doing)
