"""The walk of each kind of export."""

from collections.abc import Callable, Iterator

from tasks.exports.message_walks import cumulative, email_statistics, sms_outcomes
from tasks.exports.walk import Walk, WalkPart, walk_subscribed, walk_unsubscribed
from tasks.reports.kinds import KindName

WALKS: dict[KindName, Callable[[Walk], Iterator[WalkPart]]] = {
    "unsubscribed": walk_unsubscribed,
    "email_statistics": email_statistics,
    "cumulative": cumulative,
    "sms_outcomes": sms_outcomes,
    "subscribed": walk_subscribed,
}
"""Each yields its parts kind by kind, in ascending order."""
