"""Walking through MailUp's pages: a walk is complete, or it is an error.

Pages are counted from 0. MailUp promises no snapshot: what changes while it is walked moves other
items from page to page, totals may come from servers that do not agree, and a server may cap the
size of a page with or without a word. So a round through the pages is believed only if nothing
moved; otherwise there is another one, of which only what has not been handed out before is handed
out, until two of them agree.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.http.answers import JsonObject
from blocks.mailup.pages.identities import ItemIdentity, Met
from blocks.mailup.pages.page import Page
from blocks.mailup.pages.tables import Table

Items = Sequence[JsonObject]
GetPage = Callable[[int, int], Page]
_END = Page(items=(), size=0, total=0)
"""What is behind the last page."""

MAX_ROUNDS = 3
# Below this size a page is not made smaller: a time-out then has another reason.
SMALLEST_PAGE = 50
# What a first page may be answered with for its size or its order.
_REFUSALS = {400, 413, 500}
# What a page behind the last one may be answered with, too.
_MISSING = {404, 416}
# A page with so few items, where many were asked for, is no page of a server that caps them.
FEWEST_OF_A_PAGE = 3
# 50 million items at the default size; a round that needs more is going round in circles.
MAX_PAGES = 100_000
# How often a round steps back because items disappeared; totals may also go up and down for ever.
MAX_STEPS_BACK = 5
# How often a page may have to be asked for in another size, or bring nothing that is new.
MAX_DETOURS = 20


def may_be_refused(failure: MailUpRefused | MailUpUnavailable) -> bool:
    """Whether a page may be answered if it is asked for in another size or order: no source tells
    with which status it is not, or whether an error comes with the status of a success."""
    return failure.context.get("status") in _REFUSALS or bool(failure.context.get("error_in_body"))


def walk(
    get_page: GetPage, page_size: int, identity: ItemIdentity, doing: str = "MailUp"
) -> Iterator[Items]:
    """Yield the items page by page, each once. *get_page* takes page number (from 0) and page size.

    Raises `MailUpUnavailable`, which names *doing*, where it cannot be shown that these are all
    items: after MAX_ROUNDS rounds that do not agree, or where the pages do not advance.
    """
    handed = Met()
    before: _Round | None = None
    size = page_size
    for _ in range(MAX_ROUNDS):
        this = _Round(get_page, identity, doing, size, handed, before)
        yield from this.items()
        if this.is_complete():
            return
        before, size = this, this.best_size
    raise MailUpUnavailable(
        f"{doing}: what MailUp shows changed during each of {MAX_ROUNDS} walks through the pages, "
        "so that it cannot be told whether these are all items: try at a quieter hour, or with "
        "larger pages (page_size on the MailUpAccount block)."
    )


@dataclass
class _Round:
    """One round through all pages: where it stands, and what it has seen.

    *size* is what pages are asked for, *offset* how many positions are done, *total* the highest
    number of items that was told. *changed*: something moved, so that an item may be missing;
    *lost*: a page was short, so that one is missing.
    *missed*: how many items were new although the rounds before should have met them.
    *best_size*: what the next round should ask for.
    """

    get_page: GetPage
    identity: ItemIdentity
    doing: str
    size: int
    handed: Met
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
    seen: Met = field(default_factory=Met)
    best_size: int = 0
    _asked_first: int = 0
    _detours: int = 0
    _short: int | None = None
    _total_before: int = 0
    _steps_back: int = 0
    _last: tuple[int, Items] = (-1, ())
    _end: int = 0

    def __post_init__(self) -> None:
        self._asked_first = self.best_size = self.size
        if self.before is None:
            self.seen = self.handed

    def items(self) -> Iterator[Items]:
        """What this round adds to what has been handed out, page by page."""
        known = self.handed.largest if self.before and self.identity.unique else None
        for _ in range(MAX_PAGES):
            number = self.offset // self.size
            page = self._page(number)
            if page is _END:
                return
            if page is None or self._has_shrunk(page):
                continue
            fresh = page.items[self.offset - number * self.size :]
            if not fresh:
                page = self._confirmed_empty(page, number)
                fresh = page.items[self.offset - number * self.size :]
            if not fresh or self._was_everything(page, number):
                return
            self._move(page, number)
            if new := self._new(fresh, known):
                yield new
            if self.total and self.offset >= self.total:
                return
        raise MailUpUnavailable(f"{self.doing}: MailUp's pages do not come to an end.")

    def is_complete(self) -> bool:
        """Whether everything there is has been handed out, as far as MailUp's answers can tell.

        A first round: nothing moved. Then: no page was short, and at least as many items were met
        as the lowest total tells. Where totals only grew since the round before began, that is
        all. Where one fell, or none was told, moreover: nobody was met whom the rounds before
        should have met, and all rounds together met as many as the highest total of this one.
        """
        if self.before is None:
            return not self.changed and len(self.seen) >= self.total
        if self.lost or len(self.seen) < self.lowest_total:
            return False
        fell = self.fell or self.before.fell or self.first_total < self.before.last_total
        return bool(self.first_total and not fell) or (
            not self.missed and len(self.handed) >= self.total
        )

    def _page(self, number: int) -> Page | None:
        """The page in which the next item is; `_END` where there is none, None when it has to be
        asked for differently."""
        try:
            page = self.get_page(number, self.size)
        except (MailUpRefused, MailUpUnavailable) as failure:
            if self._may_be_behind(failure) and self._ends_here():
                return _END
            if not self._may_be_too_large(failure, number):
                raise
            failed = may_be_refused(failure) and isinstance(failure, MailUpUnavailable)
            # Failures are repeated for a while: with each size once more would take too long.
            self._resize(SMALLEST_PAGE if failed else max(SMALLEST_PAGE, self.size // 2))
            return None
        self._note_total(page)
        if 0 < page.size < self.size and len(page.items) <= page.size:
            # A smaller size than asked for: a later page was then counted with another one.
            self._resize(page.size)
            return None if number else page
        return page

    def _may_be_behind(self, failure: MailUpRefused | MailUpUnavailable) -> bool:
        """Whether a page may fail because it is behind the last one, where no total tells."""
        if self.total or not self._end:
            return False
        told = failure.context
        return may_be_refused(failure) or told.get("status") in _MISSING or "no_items" in told

    def _ends_here(self) -> bool:
        """Whether the page that was met last is the last one, though no total says so.

        Pages of a size that MailUp has filled before are cut so that the last of them is not
        full: it is asked for, and has to hold what was met at the end, and nothing behind it.
        """
        size = next((each for each in range(self.size, 1, -1) if self._end % each), 0)
        if not size:
            return self._end < FEWEST_OF_A_PAGE and self._asked_first >= SMALLEST_PAGE
        page, rest = self.get_page(self._end // size, size), self._end % size
        if len(page.items) != rest or len(self._last[1]) < rest:
            return False
        found = self.identity.keys(page.items, self.doing)
        return found.equals(self.identity.keys(self._last[1][-rest:], self.doing))

    def _may_be_too_large(self, failure: MailUpRefused | MailUpUnavailable, number: int) -> bool:
        """Whether a smaller page may be answered: nobody says how one that is too large is not."""
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
        """A total of 0 tells nothing: some resources always say so."""
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
        """The page behind the end, asked for again where no total says that it is the end."""
        if page.total:
            page.check(self.doing, self.offset)
            return page
        again = self.get_page(number, self.size)
        self._note_total(again)
        if again.items:
            # With a total, counting tells whether something is missing.
            self.changed = self.changed or not self.total
        elif self.total > self.offset:
            again.fail(self.doing)
        return again

    def _has_shrunk(self, page: Page) -> bool:
        """Step back by as many as disappeared: what was not read yet has moved up by so many."""
        gone, self._total_before = self._total_before - page.total, page.total
        steps_back = self.identity.unique and page.total and gone > 0 and self.offset
        if not steps_back or self._steps_back == MAX_STEPS_BACK:
            return False
        self._steps_back += 1
        self.offset = max(0, self.offset - gone)
        return True

    def _was_everything(self, page: Page, number: int) -> bool:
        """Whether the server does not page: all came before, and comes again for every number.

        Where what came may have been cut, that is an error.
        """
        (last, items), self._last = self._last, (number, page.items)
        if number == last or page.items != items:
            return False
        if number == 1 and not self.total and len(items) not in {self._asked_first, page.size}:
            return True
        self._last = (last, items)
        if not self.total and self._ends_here():
            return True
        raise MailUpUnavailable(f"{self.doing}: MailUp answered the same page twice.")

    def _move(self, page: Page, number: int) -> None:
        """Behind the page. Where the first one is short before the end, that is the server's own
        size; a later one lacks something."""
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
        """Note that the page asked for before was short, though more came."""
        if self._short is not None and (self._short or not self.total):
            self.changed = True
            self.lost = self.lost or self._short > 0
        self._short = None

    def _new(self, items: Items, known: int | None) -> Items:
        """Of *items* those to hand out. *known* is the largest id of earlier rounds."""
        keys = self.identity.keys(items, self.doing)
        if self._is_first_met(keys):
            self.seen.add(keys)
            return items
        place = self.seen.times(keys) + _places(keys)
        new = place >= self.handed.times(keys) if self.before else place >= 0
        if self.identity.unique:
            once = place == 0
            self._note_repeated(once)
            keys, new, items = keys.filter(once), new.filter(once), _some(items, once)
        self.seen.add(keys)
        if self.before:
            added = keys.filter(new)
            self.handed.add(added)
            self.missed += added.len() if known is None else int((added <= known).sum())
        return _some(items, new)

    def _is_first_met(self, keys: pl.Series) -> bool:
        """Whether nothing of it can have been met before: the first round, and rising ids."""
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
    """Of each key, how often it came before in the same page."""
    place = pl.int_range(pl.len(), dtype=pl.Int64).over("key")
    return pl.DataFrame({"key": keys}).select(place).to_series()


def _some(items: Items, mask: pl.Series) -> Items:
    if mask.all():
        return items
    if isinstance(items, Table):
        return Table(items.columns.filter(mask))
    return [item for item, wanted in zip(items, mask, strict=True) if wanted]
