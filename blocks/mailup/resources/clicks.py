"""Clicks per recipient and link, as far as MailUp provides them."""

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

# Statuses that MailUp may answer if an account does not have the resource.
_MISSING = {400, 404, 405}


@dataclass(frozen=True)
class ClickDetails:
    """Clicks of a message, page by page, with the columns of `statistics.CLICKS`.

    *detail_level*: "url" if rows have recipient and link, "recipient" if `url` is null.
    *counted*: whether rows have a count; without one, each row is one click, and the same
    recipient and link may occur several times.
    """

    detail_level: DetailLevel
    counted: bool
    pages: Iterator[pl.DataFrame] = field(repr=False)


def url_click_details(
    session: Session, message_id: int, *, may_fall_back: bool = True
) -> ClickDetails:
    """Clicks per recipient and link; without such rows, clicks per recipient.

    The fields of `UrlClickDetails` are not documented. The fall-back is used if the resource is
    missing, if its rows have no recipient or no link, or if it is empty although the message has
    clicks. With *may_fall_back* false there is no fall-back, and a missing resource is an error
    (`MailUpRefused`): for a message whose clicks were read by link before, because the same clicks
    would appear again under another key.
    """
    path = f"/Message/{message_id}/List/UrlClickDetails"
    found = pages(session, path, "IdRecipient", identity=statistics.PERSON_AND_LINK, read=tabled)
    try:
        first = next(found, [])
    except MailUpRefused as refusal:
        if not may_fall_back or refusal.context.get("status") not in _MISSING:
            raise
        return _by_recipient(session, message_id)
    if may_fall_back and not _is_detailed(session, message_id, first):
        return _by_recipient(session, message_id)
    return ClickDetails(
        detail_level="url" if not first or _has_any(first, statistics.URL.keys) else "recipient",
        counted=not first or _has_any(first, statistics.COUNT.keys),
        pages=frames(chain([first] if first else [], found), statistics.CLICKS),
    )


def _by_recipient(session: Session, message_id: int) -> ClickDetails:
    """Clicks per recipient, with a documented count."""
    return ClickDetails("recipient", True, statistics.clicks(session, message_id))


def _is_detailed(session: Session, message_id: int, items: Sequence[JsonObject]) -> bool:
    """Whether the rows have recipient and link; or there are no rows because of no clicks."""
    if not items:
        return not statistics.counts(session, message_id, "Clicks")
    keys = [key for column in statistics.RECIPIENTS for key in column.keys]
    return _has_any(items, keys) and _has_any(items, statistics.URL.keys)


def _has_any(items: Sequence[JsonObject], names: Iterable[str]) -> bool:
    """Whether any item has a value under one of *names*."""
    values = by_key(items)
    found = chain.from_iterable(column for name in names for column in values.get(name, ()))
    return any(value not in (None, "") for value in found)
