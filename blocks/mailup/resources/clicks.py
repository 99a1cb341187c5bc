"""Clicks per recipient and link, as far as MailUp tells them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

import polars as pl

from blocks.errors import MailUpRefused
from blocks.mailup.http.answers import JsonObject
from blocks.mailup.http.session import Session
from blocks.mailup.pages.frames import by_key, frames
from blocks.mailup.pages.paging import pages
from blocks.mailup.pages.tables import tabled
from blocks.mailup.resources import statistics

DetailLevel = Literal["url", "recipient"]

# What MailUp may answer where an account does not have the resource.
_MISSING = {400, 404, 405}


@dataclass(frozen=True)
class ClickDetails:
    """Clicks of a message, page by page, with the columns of `statistics.CLICKS`.

    *detail_level*: "url" when the rows tell recipient and link, "recipient" when `url` is null.
    *counted*: whether rows carry a count; without one, each row is one click, and the same
    recipient and link may come several times.
    """

    detail_level: DetailLevel
    counted: bool
    pages: Iterator[pl.DataFrame] = field(repr=False)


def url_click_details(
    session: Session, message_id: int, *, may_fall_back: bool = True
) -> ClickDetails:
    """Clicks per recipient and link; without such rows, clicks per recipient.

    The fields of `UrlClickDetails` are not documented. The fall-back is taken where the resource
    is missing, where its rows name no recipient or no link, and where it is empty although the
    message has clicks. With *may_fall_back* false these are an error (`MailUpRefused`), rows as
    they are, and no rows: for a message whose clicks were read by link before, since the same
    clicks would come again under another key.
    """
    path = f"/Message/{message_id}/List/UrlClickDetails"
    found = pages(session, path, "IdRecipient", identity=statistics.PERSON_AND_LINK, read=tabled)
    try:
        first = next(found, [])
    except MailUpRefused as refusal:
        if not may_fall_back or refusal.context.get("status") not in _MISSING:
            raise
        return _by_recipient(session, message_id)
    if may_fall_back and not _tells_all(session, message_id, first):
        return _by_recipient(session, message_id)
    return ClickDetails(
        detail_level="url" if not first or _tells(first, statistics.URL.keys) else "recipient",
        counted=not first or _tells(first, statistics.COUNT.keys),
        pages=frames(chain([first] if first else [], found), statistics.CLICKS),
    )


def _by_recipient(session: Session, message_id: int) -> ClickDetails:
    """Clicks per recipient, whose count MailUp documents."""
    return ClickDetails("recipient", True, statistics.clicks(session, message_id))


def _tells_all(session: Session, message_id: int, items: Sequence[JsonObject]) -> bool:
    """Whether the rows name recipient and link; no rows do if there are no clicks at all."""
    if not items:
        return not statistics.counts(session, message_id, "Clicks")
    keys = [key for column in statistics.RECIPIENTS for key in column.keys]
    return _tells(items, keys) and _tells(items, statistics.URL.keys)


def _tells(items: Sequence[JsonObject], names: Iterable[str]) -> bool:
    """Whether any item holds a value under one of *names*."""
    told = by_key(items)
    found = chain.from_iterable(values for name in names for values in told.get(name, ()))
    return any(value not in (None, "") for value in found)
