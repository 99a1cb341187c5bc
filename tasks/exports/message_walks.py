"""Walks of messages: e-mail statistics and SMS outcomes, one part per message."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import polars as pl

from blocks.mailup.resources.messages import Message, Sending
from blocks.mailup.resources.statistics import Availability
from tasks.exports.walk import Walk, WalkPart, walk_unsubscribed
from tasks.reports.agreement import StatisticsAgreement
from tasks.reports.rows import EVENTS, SMS_EVENTS

ROWS_TOGETHER = 25_000
"""Number of rows that are converted at once."""

SMS_STATES = {0: "DELIVERED", 1: "QUEUED"}
"""Names of MailUp's numbers for the state of an SMS."""
SMS_ERROR = 2
"""MailUp's number for an error, whose outcome is a text: FAILED_AT_004, EXPIRED ..."""


def email_statistics(walk: Walk) -> Iterator[WalkPart]:
    """Sends, opens, clicks and bounces of each message of the lists that is recent enough.

    Each message is complete before the next one is requested. One whose statistics MailUp no longer
    keeps is noted, not treated as a message without events.
    """
    agreed = walk.agreement
    if not isinstance(agreed, StatisticsAgreement):
        raise TypeError("e-mail statistics need a StatisticsAgreement")
    found = _one_by_one(walk, walk.client.messages)
    # A message may come twice: pages have moved, or it is in two lists.
    for _, same in groupby(found, key=lambda each: each[1].id):
        for list_id, message in same:
            sendings = walk.client.send_history(list_id, message.id)
            if _is_recent(sendings, walk.now, agreed.message_days):
                _message(walk, agreed, message, sendings)
        yield from walk.result.complete_parts(EVENTS)


def _one_by_one(
    walk: Walk, ask: Callable[[int], Iterator[list[Message]]]
) -> Iterator[tuple[int, Message]]:
    """Yield the messages of the agreed lists by id; one is done when the next is requested.

    All are listed first, to report progress.
    """
    lists = walk.agreement.lists
    found = [(number, message) for number in lists for page in ask(number) for message in page]
    progress = walk.progress("messages are read")
    progress.expect(len(found))
    for each in sorted(found, key=lambda each: each[1].id):
        yield each
        progress.add(1)


def _is_recent(sendings: list[Sending], now: datetime, days: int) -> bool:
    oldest = f"{now - timedelta(days=days):%Y-%m-%d}"
    return any(sending.started >= oldest for sending in sendings)


def _message(
    walk: Walk, agreed: StatisticsAgreement, message: Message, sendings: list[Sending]
) -> None:
    kept = walk.client.availability(message.id, sendings)
    if kept is Availability.EXPIRED:
        walk.result.note("statistics_expired")
    if kept is not Availability.COMPLETE:
        return
    about: dict[str, Any] = {
        "list_id": message.list_id,
        "message_id": message.id,
        "subject": message.subject,
        "sending_id": sendings[-1].id,
        "sent_at": walk.moment(sendings[-1].started),
    }
    if "tags" in walk.sources:
        about["tags"] = ",".join(walk.client.message_tags(message.list_id, message.id)) or None
    ask = walk.client
    if agreed.sent or agreed.reading == "latest-action":
        _spool(walk, about, "SNT", ask.message_recipients(message.id), at="sent_at")
    _spool(walk, about, "OPN", ask.views(message.id))
    details = ask.url_click_details(message.id)
    if details.detail_level == "recipient":
        walk.result.note("clicks_without_link")
    if not details.counted:
        walk.result.uncounted.add(message.id)
    _spool(walk, about, "CLK", details.pages, details="url")
    if agreed.bounces or agreed.reading == "latest-action":
        _spool(walk, about, "NCO", ask.bounces(message.id), details="code")


def _spool(
    walk: Walk,
    about: dict[str, Any],
    kind: str,
    pages: Iterable[pl.DataFrame],
    *,
    details: str = "",
    at: str = "",
) -> None:
    """Convert pages of one statistic to EVENTS; `about` has the values shared by all rows."""
    for page in _together(pages):
        known = {name: pl.lit(value) for name, value in about.items()}
        known |= {"kind": pl.lit(kind)}
        known["details"] = pl.col(details).fill_null("") if details else pl.lit("")
        if at:
            known["at"] = pl.lit(about[at])
        rows = page.with_columns(**known)
        rows = rows.select(name for name in rows.columns if name in EVENTS.schema)
        walk.result.add(EVENTS, about["message_id"], walk.shaped(rows, EVENTS))


def _together(pages: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Join several pages: the cost per frame is higher than per row."""
    waiting: list[pl.DataFrame] = []
    for page in pages:
        waiting.append(page)
        if sum(each.height for each in waiting) >= ROWS_TOGETHER:
            yield pl.concat(waiting)
            waiting = []
    if waiting:
        yield pl.concat(waiting)


def cumulative(walk: Walk) -> Iterator[WalkPart]:
    """The unsubscribed people of the lists, then the e-mail statistics."""
    yield from walk_unsubscribed(walk)
    yield from email_statistics(walk)


def sms_outcomes(walk: Walk) -> Iterator[WalkPart]:
    """The state of each SMS sent from the lists; a change of state is a new row.

    If the file has data of the receivers, they are looked up among all recipients of the list;
    subscribed ones are read last and win over unsubscribed ones with the same number.
    """
    for list_id, message in _one_by_one(walk, walk.client.sms_messages):
        for report in walk.client.sms_report_details(message.id):
            rows = _states(report, list_id, message.id)
            walk.result.add(SMS_EVENTS, message.id, walk.shaped(rows, SMS_EVENTS))
    if walk.wants_people(SMS_EVENTS):
        _receivers(walk)
    yield from walk.result.complete_parts(SMS_EVENTS)


def _receivers(walk: Walk) -> None:
    lists, ask = walk.agreement.lists, walk.client
    progress = walk.progress("recipients are read with their data")
    progress.expect(sum(ask.count_optins(list_id, "sms") for list_id in lists))
    for list_id in lists:
        for pages in (ask.unsubscribed_with_fields, ask.subscribed_with_fields):
            found = progress.counted(pages(list_id, "sms", walk.field_ids))
            walk.result.people.add(list_id, found)


def _states(report: pl.DataFrame, list_id: int, message_id: int) -> pl.DataFrame:
    named = pl.col("status").replace_strict(SMS_STATES, default="ERROR", return_dtype=pl.String)
    error = pl.when(pl.col("status") == SMS_ERROR).then(pl.col("error").fill_null("ERROR"))
    return report.select(
        "number",
        "sent_at",
        "at",
        list_id=pl.lit(list_id),
        message_id=pl.lit(message_id),
        status=error.otherwise(named),
    )
