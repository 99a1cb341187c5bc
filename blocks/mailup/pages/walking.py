"""Walk through MailUp's pages: a walk is complete, or an error.

Pages are counted from 0. MailUp gives no snapshot: changes during the walk move items between
pages, totals may come from servers with different states, and a server may limit the page size
with or without saying so. One round through the pages is enough only if nothing changed;
otherwise another round follows, which yields only new items, until two rounds agree.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.http.answers import JsonObject
from blocks.mailup.pages.identities import ItemIdentity, SeenKeys
from blocks.mailup.pages.page import Page, PageWithoutItems
from blocks.mailup.pages.tables import Table

Items = Sequence[JsonObject]
GetPage = Callable[[int, int], Page]
_END = Page(items=(), size=0, total=0)
"""The page after the last one."""

MAX_ROUNDS = 3
# Pages are not made smaller than this: a time-out then has another cause.
SMALLEST_PAGE = 50
# Statuses that may refuse a first page because of its size or order.
_REFUSALS = {400, 413, 500}
# Statuses that may also answer a page after the last one.
_MISSING = {404, 416}
# A page with so few items, when many were requested, is not that of a server with a size limit.
FEWEST_OF_A_PAGE = 3
# 50 million items at the default size; a round that needs more does not advance.
MAX_PAGES = 100_000
# How often a round steps back because items disappeared; totals may also oscillate.
MAX_STEPS_BACK = 5
# How often a page may be requested in another size, or contain nothing new.
MAX_DETOURS = 20


def may_be_refused(failure: MailUpRefused | MailUpUnavailable) -> bool:
    """Whether the page may have been refused because of its size or order: MailUp does not
    document the status, nor whether such an error has a success status."""
    return failure.context.get("status") in _REFUSALS or bool(failure.context.get("error_in_body"))


def walk(
    get_page: GetPage, page_size: int, identity: ItemIdentity, doing: str = "MailUp"
) -> Iterator[Items]:
    """Yield the items page by page, each once. *get_page* takes page number (from 0) and page size.

    Raises `MailUpUnavailable`, which names *doing*, if the walk is not proven complete: after
    MAX_ROUNDS rounds that do not agree, or if the pages do not advance.
    """
    yielded = SeenKeys()
    before: _Round | None = None
    size = page_size
    for _ in range(MAX_ROUNDS):
        this = _Round(get_page, identity, doing, size, yielded, before)
        yield from this.items()
        if this.is_complete():
            return
        before, size = this, this.best_size
    raise MailUpUnavailable(
        f"{doing}: MailUp's data changed during each of {MAX_ROUNDS} walks through the pages, so "
        "the result may be incomplete: run this at a quieter time, or with larger pages "
        "(page_size on the MailUpAccount block)."
    )


@dataclass
class _Round:
    """One round through all pages.

    *size*: of the requested pages. *offset*: positions done. *total*: the highest total reported.
    *changed*: something moved, so that an item may be missing. *lost*: a page was short, so that an
    item is missing. *missed*: new items that earlier rounds should have seen. *best_size*: page
    size for the next round.
    """

    get_page: GetPage
    identity: ItemIdentity
    doing: str
    size: int
    yielded: SeenKeys
    before: "_Round | None"
    offset: int = 0
    total: int = 0
    first_total: int = 0
    last_total: int = 0
    lowest_total: int = 0
    changed: bool = False
    lost: bool = False
    fell: bool = False
    missed: int = 0
    seen: SeenKeys = field(default_factory=SeenKeys)
    best_size: int = 0
    _first_size: int = 0
    _detours: int = 0
    _short: int | None = None
    _total_before: int = 0
    _steps_back: int = 0
    _last: tuple[int, Items] = (-1, ())
    _end: int = 0

    def __post_init__(self) -> None:
        self._first_size = self.best_size = self.size
        if self.before is None:
            self.seen = self.yielded

    def items(self) -> Iterator[Items]:
        """The items that were not yielded before, page by page."""
        known = self.yielded.largest if self.before and self.identity.unique else None
        for _ in range(MAX_PAGES):
            number = self.offset // self.size
            page = self._page(number)
            if page is _END:
                return
            if page is None or self._has_shrunk(page):
                continue
            unread = page.items[self.offset - number * self.size :]
            if not unread:
                page = self._confirmed_empty(page, number)
                unread = page.items[self.offset - number * self.size :]
            if not unread or self._is_unpaged(page, number):
                return
            self._advance(page, number)
            if new := self._new(unread, known):
                yield new
            if self.total and self.offset >= self.total:
                return
        raise MailUpUnavailable(f"{self.doing}: MailUp's pages do not end.")

    def is_complete(self) -> bool:
        """Whether all items have been yielded, as far as MailUp's answers can show it.

        First round: nothing changed. Later rounds: no page was short, and at least as many items
        were seen as the lowest total. If a total fell since the previous round began, or none was
        reported, additionally: there was no item that earlier rounds should have seen, and all
        rounds together saw as many items as this one's highest total.
        """
        if self.before is None:
            return not self.changed and len(self.seen) >= self.total
        if self.lost or len(self.seen) < self.lowest_total:
            return False
        fell = self.fell or self.before.fell or self.first_total < self.before.last_total
        return bool(self.first_total and not fell) or (
            not self.missed and len(self.yielded) >= self.total
        )

    def _page(self, number: int) -> Page | None:
        """The page with the next item; `_END` if there is none, None if it has to be requested
        with another size."""
        try:
            page = self.get_page(number, self.size)
        except (MailUpRefused, MailUpUnavailable) as failure:
            if self._may_be_past_end(failure) and self._ends_here():
                return _END
            if not self._may_be_too_large(failure, number):
                raise
            failed = may_be_refused(failure) and isinstance(failure, MailUpUnavailable)
            # Failed calls are retried for some time: halving the size step by step would be slow.
            self._resize(SMALLEST_PAGE if failed else max(SMALLEST_PAGE, self.size // 2))
            return None
        self._note_total(page)
        if 0 < page.size < self.size and len(page.items) <= page.size:
            # The server limits the size, so a later page number refers to another position.
            self._resize(page.size)
            return None if number else page
        return page

    def _may_be_past_end(self, failure: MailUpRefused | MailUpUnavailable) -> bool:
        """Whether a page may fail because it is after the last one."""
        if not self._end:
            return False
        missing = failure.context.get("status") in _MISSING
        return missing or may_be_refused(failure) or isinstance(failure, PageWithoutItems)

    def _ends_here(self) -> bool:
        """Whether the page read last is the last one, without a total.

        A page of a size that MailUp has filled before is requested so that it is not full at the
        end: it must contain exactly the items that were read last.
        """
        size = next((each for each in range(self.size, 1, -1) if self._end % each), 0)
        if not size:
            return self._end < FEWEST_OF_A_PAGE and self._first_size >= SMALLEST_PAGE
        page, rest = self.get_page(self._end // size, size), self._end % size
        if len(page.items) != rest or len(self._last[1]) < rest:
            return False
        found = self.identity.keys(page.items, self.doing)
        return found.equals(self.identity.keys(self._last[1][-rest:], self.doing))

    def _may_be_too_large(self, failure: MailUpRefused | MailUpUnavailable, number: int) -> bool:
        """Whether a smaller page may succeed: how MailUp refuses large ones is undocumented."""
        if self.size <= SMALLEST_PAGE:
            return False
        refused = number == 0 and may_be_refused(failure)
        return refused or bool(failure.context.get("timed_out"))

    def _resize(self, size: int) -> None:
        self.size = self.best_size = size
        self._detour()

    def _detour(self) -> None:
        self._detours += 1
        if self._detours > MAX_DETOURS:
            raise MailUpUnavailable(f"{self.doing}: MailUp's pages do not advance.")

    def _note_total(self, page: Page) -> None:
        """Record a page's total; 0 means unknown, some resources always report it."""
        if not page.total:
            return
        self.first_total = self.first_total or page.total
        if self.last_total not in {0, page.total}:
            self.changed = True
            self.fell = self.fell or page.total < self.last_total
        self.last_total = page.total
        self.total = max(self.total, page.total)
        self.lowest_total = min(self.lowest_total or page.total, page.total)

    def _confirmed_empty(self, page: Page, number: int) -> Page:
        """An empty page, requested again if no total confirms that it is the end."""
        if page.total:
            page.check(self.doing, self.offset)
            return page
        again = self.get_page(number, self.size)
        self._note_total(again)
        if again.items:
            # With a total, counting shows whether something is missing.
            self.changed = self.changed or not self.total
        elif self.total > self.offset:
            again.fail(self.doing)
        return again

    def _has_shrunk(self, page: Page) -> bool:
        """If items disappeared, step back by their number: unread items have moved up by that."""
        gone, self._total_before = self._total_before - page.total, page.total
        steps_back = self.identity.unique and page.total and gone > 0 and self.offset
        if not steps_back or self._steps_back == MAX_STEPS_BACK:
            return False
        self._steps_back += 1
        self.offset = max(0, self.offset - gone)
        return True

    def _is_unpaged(self, page: Page, number: int) -> bool:
        """Whether the server does not page, and answers all items for each page number.

        An error if the first answer may have been truncated.
        """
        (last, items), self._last = self._last, (number, page.items)
        if number == last or page.items != items:
            return False
        if number == 1 and not self.total and len(items) not in {self._first_size, page.size}:
            return True
        self._last = (last, items)
        if self._ends_here():
            return True
        raise MailUpUnavailable(f"{self.doing}: MailUp answered the same page twice.")

    def _advance(self, page: Page, number: int) -> None:
        """Move past the page. If the first page is short before the end, that is the server's
        page size; if a later one is, items are missing."""
        self._note_short()
        count, start = len(page.items), number * self.size
        self.offset = self._end = start + count
        end = page.total or self.total
        if count == self.size or (end and self.offset >= end):
            return
        self._short = number
        if number == 0:
            self.size = count
        elif count < self.size:
            self.offset = start + self.size
        if self.total:
            self._note_short()

    def _note_short(self) -> None:
        """Record that the previous page was short although more followed."""
        if self._short is not None and (self._short or not self.total):
            self.changed = True
            self.lost = self.lost or self._short > 0
        self._short = None

    def _new(self, items: Items, known: int | None) -> Items:
        """Those of *items* that were not yielded. *known*: the largest id of earlier rounds."""
        keys = self.identity.keys(items, self.doing)
        if self._is_all_new(keys):
            self.seen.add(keys)
            return items
        place = self.seen.times(keys) + _places(keys)
        new = place >= self.yielded.times(keys) if self.before else place >= 0
        if self.identity.unique:
            once = place == 0
            self._note_repeated(once)
            keys, new, items = keys.filter(once), new.filter(once), _some(items, once)
        self.seen.add(keys)
        if self.before:
            added = keys.filter(new)
            self.yielded.add(added)
            self.missed += added.len() if known is None else int((added <= known).sum())
        return _some(items, new)

    def _is_all_new(self, keys: pl.Series) -> bool:
        """Fast path: in the first round, with increasing ids, all items are new."""
        if self.before is not None:
            return False
        if not self.identity.unique:
            return True
        largest = self.seen.largest
        rises = largest is None or bool(keys[0] > largest)
        return rises and bool((keys.diff(null_behavior="drop") > 0).all())

    def _note_repeated(self, once: pl.Series) -> None:
        if not once.all():
            self.changed = True
        if not once.any():
            self._detour()


def _places(keys: pl.Series) -> pl.Series:
    """For each key, how often it occurred before in the same page."""
    place = pl.int_range(pl.len(), dtype=pl.Int64).over("key")
    return pl.DataFrame({"key": keys}).select(place).to_series()


def _some(items: Items, mask: pl.Series) -> Items:
    if mask.all():
        return items
    if isinstance(items, Table):
        return Table(items.columns.filter(mask))
    return [item for item, wanted in zip(items, mask, strict=True) if wanted]
