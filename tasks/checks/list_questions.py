"""Questions about a list and its people that MailUp's documentation leaves open."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from blocks.errors import SyncError
from blocks.mailup.pages.filters import equals, filterby, orderby
from blocks.mailup.pages.frames import whole_or_none
from blocks.mailup.pages.moments import moment, tells_zone
from blocks.mailup.resources.models import OPTED_IN, OPTED_OUT, PENDING
from tasks.checks.asking import About, Reply, codes, listed_names
from tasks.checks.findings import Finding
from tasks.checks.shapes import kinds

SLOW_PAGE_SECONDS = 15.0
KNOWN_STATUS = OPTED_IN | OPTED_OUT | PENDING
NOBODY_LISTED = "the list is empty"
FEWER_THAN_TWO = "fewer than two people are in the list"


@dataclass
class ListedPeople:
    """The first page of a list, read once for several questions."""

    first: Reply = field(default_factory=Reply)

    @property
    def ids(self) -> list[int]:
        """Ids of the people, in the order of the page."""
        return _ids(self.first)

    def page(self, about: About, size: int) -> Iterator[Finding]:
        """Read it with the page size of walks: is that accepted, and fast enough?"""
        try:
            self.first = about.asking.page(about.optins, size, orderby("idRecipient"))
            if self.first.refused:
                self.first = about.asking.page(about.optins, size)
        except SyncError as error:
            if not error.context.get("timed_out"):
                raise
            text = f"MailUp takes too long for a page of {size} (page_size on the account block)"
            yield about.subject.fix("page size", text, _SMALLER)
            return
        if self.first.refused:
            yield about.unanswered("largest page", self.first, "")
            return
        seconds, came = self.first.seconds, len(self.first.items)
        facts = f"{came} of {self.first.total} items in {seconds:.1f} s, requested {size}"
        if seconds > SLOW_PAGE_SECONDS:
            yield about.subject.note("page size", facts, _SMALLER)
        else:
            yield about.subject.ok("page size", facts)
        yield _largest(about, self.first, size)


_SMALLER = "Reduce page_size on the account block."


def _largest(about: About, page: Reply, asked: int) -> Finding:
    came = len(page.items)
    if came >= asked:
        return about.settled("largest page", f"{asked} or more")
    if 0 < page.size < asked:
        return about.settled("largest page", f"{page.size}, although {asked} were requested")
    if 0 < came < page.total:
        return about.settled("largest page", f"{came}, although {asked} were requested")
    return about.open("largest page", f"the list has fewer than {asked}")


def subscriptions(about: About, people: ListedPeople) -> Iterator[Finding]:
    """Spellings of Status, codes of opt-outs, fields of a subscription, order by date."""
    page = about.asking.page(about.optins, 50, orderby("Optout_Date", descending=True))
    seen = page.with_items_of(people.first)
    if not seen.items:
        yield about.unanswered("subscriptions", page, NOBODY_LISTED)
        return
    status = {str(each).strip().upper() for each in seen.values("Status")}
    yield about.settled(
        "subscriptions",
        f"Status {codes(status)}; Optout_Type {codes(seen.values('Optout_Type'))}; "
        f"Optout_Subtype {codes(seen.values('Optout_Subtype'))}; fields {seen.names}",
    )
    if strange := status - KNOWN_STATUS:
        yield about.subject.note(
            "API: subscriptions",
            f"Status {codes(strange)} is unknown: such people count as not subscribed",
            "Report it, so that it can be supported.",
        )
    written = map(moment, [*seen.values("Optin_Date"), *seen.values("Optout_Date")])
    if any(each and not tells_zone(each, local=True) for each in written):
        yield about.subject.note(
            "API: dates without zone",
            "dates of subscriptions do not tell whether they are UTC or local time",
            "Set mailup_zone in the agreements of exports (UTC, or a zone such as Europe/Rome): "
            "an export stops at such dates until it is set.",
        )
    dates = [str(each) for each in page.values("Optout_Date")]
    if len(set(dates)) < 2:
        yield about.open("order by date", "fewer than two different dates were seen")
    else:
        supported = dates == sorted(dates, reverse=True)
        yield about.settled("order by date", "supported" if supported else "ignored")


def order(about: About, people: ListedPeople) -> Iterator[Finding]:
    """Whether orderby is supported; walks rely on it."""
    page = about.asking.page(about.optins, 3, orderby("idRecipient", descending=True))
    ascending, descending = people.ids, _ids(page)
    if len(ascending) < 2 or len(descending) < 2:
        yield about.unanswered("orderby", page, FEWER_THAN_TWO)
    elif ascending == sorted(ascending) and descending == sorted(descending, reverse=True):
        yield about.settled("orderby", "supported, ascending and descending")
    else:
        yield about.subject.note(
            "API: orderby",
            "settled: ignored",
            "While a list changes, walks may then read people twice or miss them: schedule exports "
            "in quiet hours.",
        )


def filters(about: About, people: ListedPeople) -> Iterator[Finding]:
    """Whether filterby is supported, with one condition, with two, and with a date."""
    if len(people.ids) < 2:
        yield about.open("filterby", FEWER_THAN_TWO)
        return
    first, second = (equals("idRecipient", number) for number in people.ids[:2])
    yield _filtered(about, "one condition", first, wanted=1)
    yield _filtered(about, "or", f"{first} || {second}", wanted=2)
    # Nobody subscribed before that: the right answer is empty.
    yield _filtered(about, "a date", "Optin_Date<'1990-01-01'", wanted=0)


def _filtered(about: About, what: str, condition: str, *, wanted: int) -> Finding:
    page = about.asking.page(about.optins, 5, filterby(condition))
    if page.refused:
        return about.settled(f"filterby, {what}", f"refused ({page.refused})")
    supported = len(page.items) == wanted and page.total in (0, wanted)
    return about.settled(f"filterby, {what}", "supported" if supported else "ignored")


def recipient(about: About, people: ListedPeople) -> Iterator[Finding]:
    """Fields of one recipient, those of its lists included."""
    if not people.ids:
        yield about.open("one recipient", NOBODY_LISTED)
        return
    page = about.asking.page(f"/Console/Recipients/{people.ids[0]}", 1)
    if not page.items:
        yield about.unanswered("one recipient", page, "the answer is empty")
        return
    inner = [
        f"{name}: {listed_names(value[0])}"
        for name, value in sorted(page.items[0].items())
        if isinstance(value, list) and value and isinstance(value[0], dict)
    ]
    more = f" ({'; '.join(inner)})" if inner else ""
    yield about.settled("one recipient", f"fields {page.names}{more}")


def zone(about: About) -> Iterator[Finding]:
    """The time zone of a list, probably that of dates without zone."""
    page = about.asking.page(f"/Console/List/{about.list_id}", 1)
    if not page.items:
        yield about.unanswered("zone of a list", page, "the answer is empty")
    else:
        yield about.settled("zone of a list", codes(page.values("TimeZoneCode")))


def imports(about: About) -> Iterator[Finding]:
    """The list of imports: codes of states, and the form of rows (a number or per outcome)."""
    page = about.asking.page("/Console/Imports", 20, orderby("IdImport", descending=True))
    if not page.items:
        yield about.unanswered("imports", page, "no import yet")
        return
    states, rows = codes(page.values("StatusCode")), kinds(page, "Rows")
    named = "Filename filled" if page.values("Filename") else "Filename empty"
    yield about.settled(
        "imports", f"StatusCode {states}; Rows is {rows}; {named}; fields {page.names}"
    )
    numbers = [whole_or_none(each) for each in page.values("IdImport")]
    if not numbers or not numbers[0]:
        yield about.open("one import", "the list of imports has no ids")
        return
    one = about.asking.page(f"/Console/Imports/{numbers[0]}", 1)
    if not one.items:
        yield about.unanswered("one import", one, "the answer is empty")
        return
    yield about.settled("one import", f"Rows is {kinds(one, 'Rows')}; fields {one.names}")


def _ids(page: Reply) -> list[int]:
    found = (whole_or_none(each) for each in page.values("idRecipient"))
    return [number for number in found if number]
