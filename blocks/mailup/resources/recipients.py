"""Recipients of a list and their subscriptions."""

from collections.abc import Iterator

from blocks.mailup.http.session import Session
from blocks.mailup.pages.filters import equals, filterby
from blocks.mailup.pages.page import Page
from blocks.mailup.pages.paging import first_page, pages
from blocks.mailup.resources.imports import Channel
from blocks.mailup.resources.models import Optin, Recipient

_OPTINS = {
    "email": "/Console/List/{}/Recipients/EmailOptins",
    "sms": "/Console/Sms/List/{}/Recipients/SmsOptins",
}
_SUBSCRIBED = {
    "email": "/Console/List/{}/Recipients/Subscribed",
    "sms": "/Console/Sms/List/{}/Recipients/Subscribed",
}


_KEYS = {"email": "Email", "sms": "MobileNumber"}


def optins(session: Session, list_id: int, channel: Channel) -> Iterator[list[Optin]]:
    """All subscriptions of a list on one channel, whatever their state, page by page."""
    path = _OPTINS[channel].format(list_id)
    for items in pages(session, path, "idRecipient"):
        yield [Optin.read(item, f"GET {path}") for item in items]


def count_optins(session: Session, list_id: int, channel: Channel) -> int:
    """The number of subscriptions of a list on one channel; 0 also if MailUp gives no total."""
    path = _OPTINS[channel].format(list_id)
    one = {"PageNumber": "0", "PageSize": "1"}
    return session.read(path, lambda answer: Page.read(answer.json(), answer.doing).total, one)


def find_optins(session: Session, list_id: int, channel: Channel, key: str) -> list[Optin]:
    """The subscriptions of an address, or of a number without prefix, to a list; one call.

    Compare the result: MailUp may ignore the filter and return other people. *key* must be allowed
    in a filter (`filters.can_filter`).
    """
    path, wanted = _OPTINS[channel].format(list_id), filterby(equals(_KEYS[channel], key))
    return [Optin.read(item, f"GET {path}") for item in first_page(session, path, wanted).items]


def search(session: Session, *, email: str = "", mobile: str = "") -> list[Recipient]:
    """Recipients of the account with this address, or this number with prefix; one call."""
    wanted = {"email": f'"{email}"'} if email else {"mobile": f'"{mobile}"'}
    found = first_page(session, "/Console/Recipients", wanted)
    return [Recipient.read(item) for item in found.items]


def unsubscribed(session: Session, list_id: int, channel: Channel) -> Iterator[list[Optin]]:
    """Recipients of the list who are not subscribed, including pending ones (`Optin.pending`).

    Read from the subscription details: the list of unsubscribed recipients has neither cause nor
    date. An unknown status counts as not subscribed.
    """
    for page in optins(session, list_id, channel):
        yield [each for each in page if not each.opted_in]


def subscribed(session: Session, list_id: int, channel: Channel) -> Iterator[list[Recipient]]:
    """All subscribed recipients of the list, page by page."""
    path = _SUBSCRIBED[channel].format(list_id)
    for items in pages(session, path, "idRecipient"):
        yield [Recipient.read(item, f"GET {path}") for item in items]
