"""The kinds of exports: which layout, which rows, and how they are walked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tasks.exports.message_walks import cumulative, email_statistics, sms_outcomes
from tasks.exports.walk import Part, Walk, subscribed, unsubscribed
from tasks.reports import rows
from tasks.reports.output import layouts
from tasks.reports.output.layouts import Layout
from tasks.reports.rows import RowKind

KindName = Literal["unsubscribed", "email_statistics", "cumulative", "sms_outcomes", "subscribed"]


@dataclass(frozen=True)
class Kind:
    """One kind of export. Its walk brings the parts of one kind of rows after those of another, in
    ascending order."""

    name: KindName
    layout: Layout
    rows: tuple[RowKind, ...]
    walk: Callable[[Walk], Iterator[Part]]


KINDS: dict[KindName, Kind] = {
    kind.name: kind
    for kind in (
        Kind("unsubscribed", layouts.UNSUBSCRIBED, (rows.UNSUBSCRIPTIONS,), unsubscribed),
        Kind("email_statistics", layouts.EMAIL_STATISTICS, (rows.EVENTS,), email_statistics),
        Kind("cumulative", layouts.CUMULATIVE, (rows.UNSUBSCRIPTIONS, rows.EVENTS), cumulative),
        Kind("sms_outcomes", layouts.SMS_OUTCOMES, (rows.SMS_OUTCOMES,), sms_outcomes),
        Kind("subscribed", layouts.SUBSCRIBED, (rows.SUBSCRIPTIONS,), subscribed),
    )
}
