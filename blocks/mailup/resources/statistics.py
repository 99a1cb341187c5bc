"""E-mail statistics of a message: recipients, openings, clicks and bounces.

The rows are aggregates (a count per recipient, or per recipient and link), without event dates as
far as documented. Their fields are only partly documented, so each column lists its possible
names. All functions yield one polars frame per page; `at` is MailUp's date in one of the forms of
`moments.moment`, null if there is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Literal

import polars as pl

from blocks.mailup.http.answers import Answer
from blocks.mailup.http.session import Session
from blocks.mailup.http.settings import MailUpSettings
from blocks.mailup.pages.frames import PageColumn, frames
from blocks.mailup.pages.identities import ItemIdentity
from blocks.mailup.pages.paging import pages
from blocks.mailup.pages.tables import tabled
from blocks.mailup.resources.messages import Sending

Countable = Literal["Recipients", "Views", "Clicks", "UrlClicks", "Bounces", "Unsubscriptions"]

RECIPIENTS = (
    PageColumn("recipient_id", "id", ("idrecipient", "recipientid")),
    PageColumn("email", "text", ("email", "emailaddress", "recipient")),
)
COUNT = PageColumn("count", "count", ("count", "total", "occurrences"))
URL = PageColumn("url", "text", ("url", "link", "linkurl", "href"))
_WHERE = (
    PageColumn("ip", "text", ("ip", "ipaddress", "clientip")),
    PageColumn("geo", "text", ("geo", "geodata", "region", "country")),
    PageColumn("agent", "text", ("agent", "useragent", "browser")),
)
# A recipient may have several rows: MailUp does not document that there is only one.
_PERSON = ItemIdentity((RECIPIENTS[0].keys,))
PERSON_AND_LINK = ItemIdentity((RECIPIENTS[0].keys, URL.keys))
_DATE = ("date", "datetime", "eventdate", "timestamp")


def _at(*names: str) -> PageColumn:
    return PageColumn("at", "moment", (*names, *_DATE))


VIEWS = (*RECIPIENTS, COUNT, _at("viewdate", "opendate", "lastviewdate", "lastopendate"), *_WHERE)
CLICKS = (*RECIPIENTS, URL, COUNT, _at("clickdate", "lastclickdate"), *_WHERE)
_CLICKS_WITHOUT_URL = tuple(replace(each, keys=()) if each is URL else each for each in CLICKS)
BOUNCES = (
    *RECIPIENTS,
    COUNT,
    PageColumn(
        "code",
        "text",
        ("bouncecode", "code", "errorcode", "statuscode", "bouncetype", "type", "category"),
    ),
    _at("bouncedate", "lastbouncedate"),
)


class Availability(StrEnum):
    """Whether a message's statistics are complete."""

    COMPLETE = "complete"
    EXPIRED = "expired"
    UNSENT = "unsent"


def at_statistics(settings: MailUpSettings) -> MailUpSettings:
    """Settings of a session with the statistics service (paths such as `/Message/1/..`)."""
    return replace(settings, console_url=settings.statistics_url)


def recipients(session: Session, message_id: int) -> Iterator[pl.DataFrame]:
    """Recipients to whom the message was sent, delivered or not. Columns: `RECIPIENTS`."""
    return _rows(session, message_id, "Recipients", RECIPIENTS)


def views(session: Session, message_id: int) -> Iterator[pl.DataFrame]:
    """Openings, a count per recipient. Columns: `VIEWS`."""
    return _rows(session, message_id, "Views", VIEWS)


def clicks(session: Session, message_id: int) -> Iterator[pl.DataFrame]:
    """Clicks, a count per recipient over all links; `url` is null. Columns: `CLICKS`."""
    return _rows(session, message_id, "Clicks", _CLICKS_WITHOUT_URL)


def bounces(session: Session, message_id: int) -> Iterator[pl.DataFrame]:
    """Bounces per recipient; `code` is MailUp's text or null. Columns: `BOUNCES`."""
    return _rows(session, message_id, "Bounces", BOUNCES)


def counts(session: Session, message_id: int, what: Countable) -> int:
    """The number of `Count/...`; for `Recipients`, how many the message was sent to."""
    return session.read(f"/Message/{message_id}/Count/{what}", Answer.number)


def availability(session: Session, message_id: int, sendings: Sequence[Sending]) -> Availability:
    """Whether the message's statistics are available; *sendings* is its complete send history.

    MailUp deletes a message's recipients after the account's retention, and then answers 0 and no
    rows: that is `EXPIRED`, not "no events". `UNSENT`: no sending, none finished, or no recipients.
    Check at each extraction, because counts can lag behind a sending.
    """
    if counts(session, message_id, "Recipients"):
        return Availability.COMPLETE
    if any(sending.finished and sending.recipients for sending in sendings):
        return Availability.EXPIRED
    return Availability.UNSENT


def _rows(
    session: Session, message_id: int, what: str, columns: tuple[PageColumn, ...]
) -> Iterator[pl.DataFrame]:
    path = f"/Message/{message_id}/List/{what}"
    found = pages(session, path, "IdRecipient", identity=_PERSON, read=tabled)
    return frames(found, columns)
