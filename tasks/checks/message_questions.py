"""Questions about messages, statistics and SMS that MailUp's documentation leaves open."""

from collections.abc import Iterator, Sequence

from blocks.mailup.pages.filters import orderby
from blocks.mailup.pages.frames import whole_or_none
from tasks.checks.asking import About, Reply, codes
from tasks.checks.findings import Finding

NEWEST_MESSAGES = 3
MESSAGES_READ = 2
LISTS_READ = 3
STATISTICS = ("Views", "Bounces", "UrlClickDetails", "Unsubscriptions")


def ask_about_messages(about: About) -> Iterator[Finding]:
    """Fields of messages, of their sendings, and of the newest ones' statistics."""
    path = f"/Console/List/{about.list_id}/Emails"
    page = about.asking.page(path, 20, orderby("idMessage", descending=True))
    if not page.items:
        yield about.unanswered("messages", page, "no message yet")
        return
    yield about.settled("messages", f"fields {page.names}")
    histories = {
        number: about.asking.page(f"/Console/List/{about.list_id}/Email/{number}/SendHistory", 20)
        for number in _ids(page)[:NEWEST_MESSAGES]
    }
    sent = [number for number, history in histories.items() if history.items]
    if not sent:
        yield about.open("sendings", "none of the newest messages was sent")
        return
    yield _sendings(about, histories[sent[0]])
    for kind in STATISTICS:
        yield _statistics(about, kind, sent[:MESSAGES_READ])


def _sendings(about: About, history: Reply) -> Finding:
    ids = "have an id" if history.values("idSending") or history.values("Id") else "have no id"
    return about.settled("sendings", f"sendings {ids}; fields {history.names}")


def _statistics(about: About, kind: str, sent: Sequence[int]) -> Finding:
    """Whether the rows of a statistic have a date and a count."""
    page = Reply()
    for number in sent:
        page = about.asking.page(f"/Message/{number}/List/{kind}", 5, of="statistics")
        if page.items:
            break
    if not page.items:
        return about.unanswered(kind, page, "none yet for the newest messages")
    dated = [name for name in page.names.split(", ") if "date" in name.lower()]
    date = f"dates in {', '.join(dated)}" if dated else "no date"
    counted = "a count" if page.values("Count") else "no count"
    return about.settled(kind, f"{date}, {counted}; fields {page.names}")


def sms(about: About, lists: Sequence[int]) -> Iterator[Finding]:
    """Fields of the SMS report, and whether it supports pages."""
    ids: list[int] = []
    for number in lists[:LISTS_READ]:
        path = f"/Console/Sms/List/{number}/Messages"
        page = about.asking.page(path, 1, orderby("idMessage", descending=True))
        ids += _ids(page)
        if ids:
            break
    if not ids:
        yield about.open("SMS", "no SMS message yet")
        return
    report = about.asking.page(f"/Console/Sms/{ids[0]}/Sendings/ReportDetails", 2)
    if not report.items:
        yield about.unanswered("SMS", report, "the newest SMS has no receivers")
        return
    paged = "ignored" if len(report.items) > 2 else "supported"
    yield about.settled(
        "SMS",
        f"Status {codes(report.values('Status'))}; page size {paged}; fields {report.names}",
    )


def _ids(page: Reply) -> list[int]:
    found = (whole_or_none(each) for each in page.values("idMessage"))
    return [number for number in found if number]
