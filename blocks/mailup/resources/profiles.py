"""Recipients of a list with their personal data, as frames."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal

import polars as pl

from blocks.mailup.http.answers import JsonObject, lowered
from blocks.mailup.http.session import Session
from blocks.mailup.pages.frames import PageColumn, frame, text_or_none, whole_or_none
from blocks.mailup.pages.paging import pages
from blocks.mailup.resources.imports import Channel

State = Literal["Subscribed", "Unsubscribed", "Pending"]

PROFILE = (
    PageColumn("recipient_id", "id", ("idrecipient", "recipientid")),
    PageColumn("email", "text", ("email",)),
    PageColumn("prefix", "text", ("mobileprefix",)),
    PageColumn("number", "text", ("mobilenumber",)),
)
_CONSOLE: dict[Channel, str] = {"email": "/Console", "sms": "/Console/Sms"}


def profiles(
    session: Session, list_id: int, channel: Channel, state: State, field_ids: Collection[int] = ()
) -> Iterator[pl.DataFrame]:
    """All recipients of the list in one state, page by page.

    Columns: `PROFILE`, and `field_<id>` (text) for each of *field_ids*; null if empty.
    """
    path = f"{_CONSOLE[channel]}/List/{list_id}/Recipients/{state}"
    for items in pages(session, path, "idRecipient"):
        known = frame(items, PROFILE)
        yield known.with_columns(_field_columns(items, field_ids)) if field_ids else known


def _field_columns(items: Sequence[JsonObject], field_ids: Collection[int]) -> list[pl.Series]:
    people = [_fields(item) for item in items]
    return [
        pl.Series(
            f"field_{number}",
            [text_or_none(person.get(number)) for person in people],
            dtype=pl.String,
        )
        for number in field_ids
    ]


def _fields(item: JsonObject) -> dict[int, Any]:
    """The dynamic fields of one recipient, by id."""
    fields = lowered(item).get("fields")
    return dict(_field(each) for each in fields) if isinstance(fields, list) else {}


def _field(value: Any) -> tuple[int, Any]:
    """Id and value of one dynamic field; id 0 if it is invalid."""
    if not isinstance(value, dict):
        return 0, None
    # For speed only the two spellings in use: up to 39 fields per recipient.
    number = whole_or_none(value.get("Id", value.get("id")))
    return number or 0, value.get("Value", value.get("value"))
