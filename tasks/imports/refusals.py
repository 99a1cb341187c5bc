"""People who are not subscribed, as MailUp tells it, kept in the scratch folder for the rules of
consent."""

import re
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import Channel
from blocks.mailup.resources.models import NEVER, Optin
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.apply import UNSUBSCRIBED
from tasks.records.consent.rejoining import SEEN
from tasks.records.results.parts import Parts

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CHANNELS: dict[str, tuple[Channel, ...]] = {
    "email": ("email",),
    "mobile": ("sms",),
    "both": ("email", "sms"),
}


def write_refusals(folder: Path, agreement: ImportAgreement, client: MailUpClient) -> Path:
    """Write everybody who unsubscribed, bounced, complained or is pending in the agreement's lists.

    Returns a folder of Parquet parts with schema UNSUBSCRIBED, one per page of MailUp's answer.
    """
    parts = Parts(folder)
    for list_id in agreement.lists:
        for channel in CHANNELS[agreement.mapping.key]:
            for page in client.unsubscribed(list_id, channel):
                rows = [_told(each, list_id, channel) for each in page]
                parts.add(pl.DataFrame(rows, schema=UNSUBSCRIBED, orient="row"))
    return folder


def as_seen(people: Iterable[Optin], list_id: int, channel: Channel) -> pl.DataFrame:
    """People as MailUp shows them now (schema SEEN), subscribed ones included."""
    rows = [(*_told(each, list_id, channel), each.opted_in) for each in people]
    return pl.DataFrame(rows, schema=SEEN, orient="row")


def _told(
    person: Optin, list_id: int, channel: Channel
) -> tuple[int, str, str, str | None, str | None]:
    return list_id, channel, _address(person, channel), _cause(person), _left_on(person)


def _address(person: Optin, channel: Channel) -> str:
    return person.email if channel == "email" else person.prefix + person.number


def _cause(person: Optin) -> str | None:
    # The type alone decides what a cause means; sub-types are not listed completely anywhere.
    return "pending" if person.pending else person.optout_type or None


def _left_on(person: Optin) -> str | None:
    """The day, in MailUp's own zone; None where it is not told."""
    day = person.optout_date[:10]
    return day if _DAY.fullmatch(day) and day != NEVER else None
