"""Walking MailUp's pages: every walk ends, and no item is left out.

Pages are counted from 0. The answers differ: some resources ignore paging, some report totals
of 0, a server may cap the page size, and large pages time out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.answers import JsonObject, lowered, whole_or_zero
from blocks.mailup.filters import orderby
from blocks.mailup.parsing import parsed
from blocks.mailup.session import Session
from blocks.mailup.tables import Table

# Below this size a page is not made smaller: a time-out then has another reason.
SMALLEST_PAGE = 50
# 50 million items at the default size; a walk that needs more is going round in circles.
MAX_PAGES = 100_000


@dataclass(frozen=True)
class Page:
    """One page as answered. *size* is 0 for an answer that is not paged, *total* if unknown."""

    items: Sequence[JsonObject] = field(repr=False)
    size: int
    total: int

    @classmethod
    def read(cls, value: Any) -> "Page":
        """From the envelope, or from a bare array (an answer that is not paged)."""
        if isinstance(value, list):
            return cls(items=value, size=0, total=len(value))
        if not isinstance(value, dict):
            raise MailUpUnavailable("A page of MailUp is neither an object nor an array.")
        keys = lowered(value)
        items = keys.get("items") or ()
        return cls(
            items=items if isinstance(items, Table) else list(items),
            size=whole_or_zero(keys.get("pagesize"), "Page"),
            total=whole_or_zero(keys.get("totalelementscount"), "Page"),
        )


GetPage = Callable[[int, int], Page]


def walk(get_page: GetPage, page_size: int) -> Iterator[Sequence[JsonObject]]:
    """Yield the items page by page. *get_page* takes page number (from 0) and page size.

    When items disappear in mid-walk, the walk steps back: an item may then come twice.
    Raises `MailUpUnavailable` when the pages do not advance.
    """
    walker = _Walker(page_size)
    for _ in range(MAX_PAGES):
        page = walker.ask(get_page)
        if page is None:
            continue
        items = walker.fresh(page)
        if items:
            yield items
        if walker.ended(page, len(items)):
            return
    raise MailUpUnavailable("MailUp's pages do not come to an end.")


@dataclass
class _Walker:
    """Where a walk stands: *offset* items are done, pages of *size* are asked for."""

    size: int
    offset: int = 0
    total: int = 0
    last_number: int = -1
    last_items: Sequence[JsonObject] = ()

    def ask(self, get_page: GetPage) -> Page | None:
        """The page in which the next item is; None when it has to be asked for differently."""
        number = self.offset // self.size
        try:
            page = get_page(number, self.size)
        except MailUpUnavailable as failure:
            if not failure.context.get("timed_out") or self.size <= SMALLEST_PAGE:
                raise
            self.size = max(SMALLEST_PAGE, self.size // 2)
            return None
        if self._has_other_size(page, number) or self._has_shrunk(page):
            return None
        if number != self.last_number and page.items and page.items == self.last_items:
            raise MailUpUnavailable("MailUp answered the same page twice.")
        self.last_number, self.last_items = number, page.items
        return page

    def _has_other_size(self, page: Page, number: int) -> bool:
        """Take over a smaller page size; a later page was then counted with another one."""
        if not 0 < page.size < self.size:
            return False
        self.size = page.size
        return number > 0

    def _has_shrunk(self, page: Page) -> bool:
        """Step back by the number of items that disappeared: the rest has moved up."""
        gone = self.total - page.total if page.total else 0
        self.total = page.total
        if gone <= 0 or self.offset == 0:
            return False
        self.offset = max(0, self.offset - gone)
        return True

    def fresh(self, page: Page) -> Sequence[JsonObject]:
        """The items of the page that were not done yet."""
        done = self.offset - self.offset // self.size * self.size
        return page.items[done:]

    def ended(self, page: Page, taken: int) -> bool:
        """Move on by *taken* items; whether there is nothing more to ask for."""
        self.offset += taken
        if not taken or page.size == 0 or len(page.items) > self.size:
            return True
        if len(page.items) == self.size:
            return False
        if self.offset >= page.total:
            return True
        # A short page before the end: the server caps the size without saying so.
        self.size = len(page.items)
        return False


def pages(
    session: Session,
    path: str,
    order_field: str,
    *,
    descending: bool = False,
    params: Mapping[str, str] | None = None,
    page_size: int | None = None,
    read: Callable[[bytes], Any] = parsed,
) -> Iterator[Sequence[JsonObject]]:
    """Walk a console resource in a stable order; without it where MailUp refuses to sort.

    *read* makes JSON of an answer: with `tables.tabled` items that are all alike come as a table.
    """
    order = orderby(order_field, descending=descending)

    def ask(number: int, size: int) -> Page:
        paging = {"PageNumber": str(number), "PageSize": str(size)}
        wanted = {**(params or {}), **paging, **order}
        return session.read(
            path,
            lambda answer: Page.read(answer.json(read)),
            wanted,
            repeat_timeouts=size <= SMALLEST_PAGE,
        )

    def get_page(number: int, size: int) -> Page:
        try:
            return ask(number, size)
        except MailUpRefused as refusal:
            if not order or number or refusal.context.get("status") != 400:
                raise
            order.clear()
            return ask(number, size)

    return walk(get_page, page_size or session.page_size)
