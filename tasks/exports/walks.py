"""The kinds of exports: which layout, which rows, and how they are walked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tasks.exports.message_walks import cumulative, email_statistics, sms_outcomes
from tasks.exports.walk import Walk, WalkPart, walk_subscribed, walk_unsubscribed
from tasks.reports import rows
from tasks.reports.output import layouts
from tasks.reports.output.layouts import Layout
from tasks.reports.rows import RowKind

KindName = Literal["unsubscribed", "email_statistics", "cumulative", "sms_outcomes", "subscribed"]


@dataclass(frozen=True)
class ExportWalk:
    """One kind of export. Its walk brings the parts of one kind of rows after those of another, in
    ascending order."""

    name: KindName
    layout: Layout
    rows: tuple[RowKind, ...]
    walk: Callable[[Walk], Iterator[WalkPart]]


WALKS: dict[KindName, ExportWalk] = {
    kind.name: kind
    for kind in (
        ExportWalk(
            "unsubscribed", layouts.UNSUBSCRIBED, (rows.UNSUBSCRIPTIONS,), walk_unsubscribed
        ),
        ExportWalk("email_statistics", layouts.EMAIL_STATISTICS, (rows.EVENTS,), email_statistics),
        ExportWalk(
            "cumulative", layouts.CUMULATIVE, (rows.UNSUBSCRIPTIONS, rows.EVENTS), cumulative
        ),
        ExportWalk("sms_outcomes", layouts.SMS_OUTCOMES, (rows.SMS_EVENTS,), sms_outcomes),
        ExportWalk("subscribed", layouts.SUBSCRIBED, (rows.SUBSCRIPTIONS,), walk_subscribed),
    )
}
