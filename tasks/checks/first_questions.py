"""Read-only questions at the first contact with an account.

They go beyond the regular check: spellings of filters, sorts by unknown properties, pages after the
last one, queues, kinds of values and formats of dates.
"""

from collections.abc import Callable, Iterable, Iterator

from blocks.mailup.pages.filters import filterby, orderby
from blocks.mailup.pages.frames import whole_or_none
from tasks.checks.asking import About, Reply, listed_names
from tasks.checks.findings import Finding
from tasks.checks.list_questions import FEWER_THAN_TWO, NOBODY_LISTED, ListedPeople
from tasks.checks.shapes import date_shapes, kinds

_QUEUES = ("Immediate", "Deferred", "Undefined")
NOWHERE = 999_999_999
"""An id that does not exist."""
Question = tuple[str, Callable[[], Iterable[Finding]]]


def first_questions(about: About, people: ListedPeople) -> list[Question]:
    """All questions with their names, the cheapest and most useful first."""
    return [
        ("imports without order", lambda: import_order(about)),
        ("unknown sort", lambda: unknown_sort(about)),
        ("pages", lambda: ask_about_pages(about, people)),
        ("filter grammar", lambda: grammar(about, people)),
        ("queues", lambda: queues(about)),
        ("import without confirmation", lambda: no_sending(about)),
        ("SMS subscriptions", lambda: sms_subscriptions(about)),
        ("kinds of values", lambda: values(about, people)),
        ("forms of dates", lambda: dates(about, people)),
        ("one message", lambda: message(about)),
        ("unknown ids", lambda: unknown_ids(about)),
    ]


def import_order(about: About) -> Iterator[Finding]:
    """Whether the list of imports starts with the oldest or the newest by default."""
    page = about.asking.page("/Console/Imports", 20)
    ids = [number for each in page.values("IdImport") if (number := whole_or_none(each))]
    if len(ids) < 2:
        yield about.unanswered("imports without order", page, "fewer than two imports")
    elif ids == sorted(ids):
        yield about.settled("imports without order", "the oldest first")
    else:
        falling = ids == sorted(ids, reverse=True)
        yield about.settled("imports without order", "the newest first" if falling else "mixed")


def unknown_sort(about: About) -> Iterator[Finding]:
    """What MailUp answers to a sort by an unknown property."""
    page = about.asking.page("/Console/List", 5, orderby("NoSuchProperty"), failing=True)
    result = f"answered {page.refused}" if page.refused else "ignored"
    yield about.settled("unknown sort", result)


def ask_about_pages(about: About, people: ListedPeople) -> Iterator[Finding]:
    """The envelope of a page, its total, and the page after the last one."""
    first = about.asking.page(about.optins, 1)
    if not first.items:
        yield about.unanswered("pages", first, NOBODY_LISTED)
        return
    known = len(people.first.items) if len(people.first.items) < people.first.size else 0
    total = "given" if first.total else "0"
    if "totalelementscount" not in first.envelope:
        total = "missing"
    elif known and first.total not in (0, known):
        total = f"{first.total}, although {known} items came"
    yield about.settled("pages", f"total {total}; envelope {listed_names(first.envelope)}")
    far = about.asking.page(about.optins, 50, {"PageNumber": "100000"}, failing=True)
    if far.refused:
        yield about.settled("page after the last", f"answered {far.refused}")
    elif far.items:
        yield about.settled("page after the last", "the answer has items")
    else:
        items = "Items empty or null" if "items" in far.envelope else "no Items"
        yield about.settled("page after the last", items)


def grammar(about: About, people: ListedPeople) -> Iterator[Finding]:
    """Which spellings of a filter are understood; each requests one or two known ids."""
    if len(people.ids) < 2:
        yield about.open("filter grammar", FEWER_THAN_TWO)
        return
    one, two = people.ids[:2]
    forms = {
        "without quotes": ({"filterby": f"idRecipient=={one}"}, 1),
        "single =": (filterby(f"idRecipient={one}"), 1),
        ".Equals": (filterby(f"idRecipient.Equals({one})"), 1),
        "&&": (filterby(f"idRecipient>={one} && idRecipient<={one}"), 1),
        "&": (filterby(f"idRecipient>={one} & idRecipient<={one}"), 1),
        "and": (filterby(f"idRecipient>={one} and idRecipient<={one}"), 1),
        "or": (filterby(f"idRecipient=={one} or idRecipient=={two}"), 2),
        ".Trim": (filterby("Email.Trim()=='nobody@example.invalid'"), 0),
        "text": (filterby("Email=='nobody@example.invalid'"), 0),
        "doubled apostrophe": (filterby("Email=='no''body@example.invalid'"), 0),
        "escaped apostrophe": (filterby(r"Email=='no\'body@example.invalid'"), 0),
    }
    results = [
        f"{name}: {_understood(about.asking.page(about.optins, 5, form, failing=True), wanted)}"
        for name, (form, wanted) in forms.items()
    ]
    yield about.settled("filter grammar", "; ".join(results))


def _understood(page: Reply, wanted: int) -> str:
    if page.refused:
        return f"answered {page.refused}"
    return "understood" if len(page.items) == wanted else "ignored"


def queues(about: About) -> Iterator[Finding]:
    """Fields of the sending queues, and properties by which they can be sorted."""
    fields: set[str] = set()
    for queue in _QUEUES:
        path = f"/Console/Email/Sendings/{queue}"
        fields |= set(about.asking.page(path, 20).names.split(", ")) - {""}
    sorts = []
    for name in ("idSending", "Id"):
        path = f"/Console/Email/Sendings/{_QUEUES[-1]}"
        page = about.asking.page(path, 20, orderby(name), failing=True)
        sorts.append(f"{name} {f'answered {page.refused}' if page.refused else 'accepted'}")
    seen = ", ".join(sorted(fields)) or "none seen, nothing is queued"
    yield about.settled("queues", f"sorted by {'; by '.join(sorts)}; fields {seen}")


def no_sending(about: About) -> Iterator[Finding]:
    """What MailUp answers for the confirmation of an import that has none."""
    page = about.asking.page("/Console/Imports", 20, orderby("IdImport", descending=True))
    number = next((whole_or_none(each) for each in page.values("IdImport")), None)
    if not number:
        yield about.unanswered("import without confirmation", page, "no import yet")
        return
    status = about.asking.page(f"/Console/Import/{number}", 1)
    yield about.settled("counters of an import", f"fields {status.names}")
    sending = about.asking.page(f"/Console/Import/{number}/Sending", 1, failing=True)
    fields = f"fields {sending.names}" if sending.items else "an empty answer"
    result = f"answered {sending.refused}" if sending.refused else fields
    yield about.settled("import without confirmation", result)


def sms_subscriptions(about: About) -> Iterator[Finding]:
    """Fields of a subscription of the SMS channel."""
    page = about.asking.page(f"/Console/Sms/List/{about.list_id}/Recipients/SmsOptins", 20)
    if not page.items:
        yield about.unanswered("SMS subscriptions", page, "no recipient of the list has a number")
        return
    yield about.settled(
        "SMS subscriptions",
        f"MobilePrefix is {_prefixes(page)}; MobileNumber is {kinds(page, 'MobileNumber')}; "
        f"fields {page.names}",
    )


def _prefixes(page: Reply) -> str:
    """How prefixes start: +, 00 or a digit."""
    texts = [str(each) for each in page.values("MobilePrefix")]
    forms = {"+" if each[:1] == "+" else "00" if each[:2] == "00" else "digits" for each in texts}
    return " or ".join(sorted(forms)) or "empty"


def values(about: About, people: ListedPeople) -> Iterator[Finding]:
    """Whether ids, codes and flags are numbers, texts or missing."""
    if not people.first.items:
        yield about.unanswered("kinds of values", people.first, NOBODY_LISTED)
        return
    names = ("idRecipient", "Status", "Optout_Type", "Optout_MsgID", "Optin_Date", "Optout_Date")
    result = "; ".join(f"{name} is {kinds(people.first, name)}" for name in names)
    yield about.settled("kinds of values", result)
    lists = about.asking.page("/Console/List", 20)
    yield about.settled("lists", f"IdList is {kinds(lists, 'IdList')}; fields {lists.names}")
    groups = about.asking.page(f"/Console/List/{about.list_id}/Groups", 20)
    flag = kinds(groups, "Deletable")
    yield about.settled("groups", f"Deletable is {flag}; fields {groups.names or 'none seen'}")


def dates(about: About, people: ListedPeople) -> Iterator[Finding]:
    """Formats of dates, per resource."""
    resources = {
        "subscriptions": people.first,
        "account": about.asking.page("/Console/Authentication/Info", 1),
        "imports": about.asking.page("/Console/Imports", 20),
        "messages": about.asking.page(f"/Console/List/{about.list_id}/Emails", 20),
    }
    formats = [
        f"{resource} {name} {shape}"
        for resource, page in resources.items()
        for name, shape in date_shapes(page)
    ]
    if formats:
        yield about.settled("forms of dates", "; ".join(formats))
    else:
        yield about.open("forms of dates", "no date was seen")


def message(about: About) -> Iterator[Finding]:
    """Fields of one message, and the format of its tags."""
    path = f"/Console/List/{about.list_id}/Emails"
    page = about.asking.page(path, 1, orderby("idMessage", descending=True))
    number = next((whole_or_none(each) for each in page.values("idMessage")), None)
    if not number:
        yield about.unanswered("one message", page, "no message yet")
        return
    one = about.asking.page(f"/Console/List/{about.list_id}/Email/{number}", 1)
    yield about.settled("one message", f"Tags is {kinds(one, 'Tags')}; fields {one.names}")
    rows = about.asking.page(f"/Message/{number}/Count/Views", 1, of="statistics", failing=True)
    count = f"answered {rows.refused}" if rows.refused else "answered"
    yield about.settled("counts of a message", count)


def unknown_ids(about: About) -> Iterator[Finding]:
    """What MailUp answers for a list and an import that do not exist."""
    results = []
    for what, path in (
        ("a list", f"/Console/List/{NOWHERE}/Recipients/EmailOptins"),
        ("an import", f"/Console/Import/{NOWHERE}"),
        ("one of the imports", f"/Console/Imports/{NOWHERE}"),
    ):
        page = about.asking.page(path, 1, failing=True)
        results.append(f"{what} {page.refused or 'no error'}")
    yield about.settled("unknown ids", "; ".join(results))
