"""MailStatisticsService: recipients, openings, clicks of a message, counted from the event log.

Chosen: rows of Unsubscriptions are `Count, Email, IdMessage, IdRecipient`, those of UrlClickDetails
also `Url` (configurable); an unsubscription by link counts for its message, one by bounce,
complaint or administrator for none; messages whose last sending is older than the retention (a
setting, in days) answer 0 and no items.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.mailup.filters import Column, Columns
from sandbox.mailup.messages import require_message
from sandbox.mailup.paging import Query, count, page, whole
from sandbox.mailup.recipients import require_person
from sandbox.mailup.settings import STATISTICS, Settings
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import horizon, present
from sandbox.mailup.wire import ApiError, WcfJson

MessageKind = Literal[
    "Recipients", "Views", "Clicks", "UrlClicks", "UrlClickDetails", "Bounces", "Unsubscriptions"
]
PersonKind = Literal[
    "Deliveries", "Views", "Clicks", "ClicksDetails", "Bounces", "BouncesDetails",
    "Unsubscriptions",
]  # fmt: skip
KINDS = {
    "Recipients": "SNT", "Deliveries": "SNT", "Views": "OPN", "Clicks": "CLK",
    "UrlClicks": "CLK", "UrlClickDetails": "CLK", "ClicksDetails": "CLK",
    "Bounces": "NCO", "BouncesDetails": "NCO", "Unsubscriptions": "UNS",
}  # fmt: skip
# Resources whose fields are listed by a setting.
SETTINGS = {
    "Views": "view_fields",
    "Clicks": "click_fields",
    "UrlClickDetails": "click_detail_fields",
    "Bounces": "bounce_fields",
    "Unsubscriptions": "unsubscription_fields",
}
DATED = ("UrlClickDetails", "Bounces")
DETAIL = "(SELECT text FROM detail d WHERE d.id = e.detail_id)"
COUNT = Column("count(*)", "number")
PER_MESSAGE = {
    "Count": COUNT,
    "Email": Column("r.email", ignores_case=True),
    "IdMessage": Column("e.message_id", "number"),
    "IdRecipient": Column("e.recipient_id", "number"),
    "Date": Column("datetime(max(e.at), 'unixepoch') || 'Z'"),
}
MORE: dict[str, Columns] = {
    "UrlClickDetails": {"Url": Column(DETAIL)},
    "Bounces": {"Type": Column(DETAIL)},
    "Unsubscriptions": {
        "Type": Column("max(e.status)", "number"),
        "Subtype": Column(f"max(CAST({DETAIL} AS INTEGER))", "number"),
    },
}
PER_URL = {"Count": COUNT, "IdMessage": PER_MESSAGE["IdMessage"], "Url": Column(DETAIL)}
PER_PERSON = {
    "Count": COUNT,
    "IdList": Column("m.list_id", "number"),
    "IdMessage": Column("e.message_id", "number"),
    "Notes": Column("m.notes"),
    "Subject": Column("m.subject"),
}
PER_PERSON_DETAILS: dict[str, Columns] = {
    "ClicksDetails": {"Url": Column(DETAIL)},
    "BouncesDetails": {"Type": Column(DETAIL)},
}
EVENTS = (
    "event e CROSS JOIN recipient r ON r.id = e.recipient_id "
    "WHERE e.message_id = ? AND e.kind = ? AND e.registered <= ?"
)
CLICKED = "event e WHERE e.message_id = ? AND e.kind = ? AND e.registered <= ?"
DELIVERIES = (
    "event e CROSS JOIN message m ON m.id = e.message_id "
    "WHERE e.recipient_id = ? AND e.kind = ? AND e.registered <= ?"
)
RECIPIENT, LINK, CLICK = "e.recipient_id", "e.detail_id", ("e.at", "e.id")

router = APIRouter(prefix=STATISTICS)


def _is_kept(request: Request, message: Any) -> bool:
    days = request.app.state.settings.retention_days
    if days is None:
        return True
    store: Store = request.app.state.store
    sent = store.value("SELECT max(started) FROM history WHERE message_id = ?", (message["id"],))
    last = datetime.fromisoformat(sent or message["created"])
    return present(store) - last <= timedelta(days=days)


def _bound(request: Request, message_id: int, kind: str) -> tuple[Any, ...]:
    """Parameters of a query; for a message beyond retention they match nothing."""
    kept = _is_kept(request, require_message(request, message_id))
    if kind == "UrlClickDetails":
        manner = request.app.state.settings.click_details
        if manner == "missing":
            raise ApiError(404, "Endpoint not found or method not allowed")
        kept = kept and manner != "empty"
    return (message_id, KINDS[kind] if kept else "", horizon(request.app.state.store))


def _columns(request: Request, kind: str) -> Columns:
    """The fields of a resource's rows."""
    if kind == "Recipients":
        names = ["Email", "IdMessage", "IdRecipient"]
    else:
        names = list(getattr(request.app.state.settings, SETTINGS[kind]))
    known = PER_MESSAGE | MORE.get(kind, {})
    return {name: known[name] for name in _varied(request.app.state.settings, kind, names)}


def _varied(settings: Settings, kind: str, names: list[str]) -> list[str]:
    """The fields of a row, by the variants of statistics."""
    rows, clicks = settings.statistics_rows, settings.click_details
    more, less = set(), set()
    if rows == "dated" or (settings.event_dates and kind in DATED):
        more.add("Date")
    if rows == "counted" and kind != "Recipients":
        more.add("Count")
    if rows == "without_count" or (clicks == "each" and kind == "UrlClickDetails"):
        less.add("Count")
    if clicks == "without_link":
        less.add("Url")
    return [name for name in dict.fromkeys([*names, *sorted(more)]) if name not in less]


def _per_message(request: Request, message_id: int, kind: str) -> Query:
    bound = _bound(request, message_id, kind)
    if kind == "UrlClicks":
        return Query(PER_URL, CLICKED, bound, LINK, group=LINK)
    columns = _columns(request, kind)
    keys: tuple[str, ...] = (RECIPIENT,)
    if "Url" in columns or (kind == "Bounces" and "Type" in columns):
        keys = (RECIPIENT, LINK)
    if kind == "UrlClickDetails" and "Count" not in columns:
        keys = (RECIPIENT, LINK, *CLICK)
    return Query(columns, EVENTS, bound, keys=keys, group=", ".join(keys))


@router.get("/Message/{message_id:int}/List/{kind}")
def message_list(request: Request, message_id: int, kind: MessageKind) -> Response:
    """Recipients of one kind, links, or both; `Recipients` has no Count."""
    query = _per_message(request, message_id, kind)
    return page(request, query, whole(query.columns))


@router.get("/Message/{message_id:int}/Count/{kind}")
def message_count(request: Request, message_id: int, kind: MessageKind) -> Response:
    """The number of rows of the list, as a bare number; filters are ignored."""
    query = _per_message(request, message_id, kind)
    if request.app.state.settings.statistics_counts == "late":
        *which, _ = query.parameters
        seen = horizon(request.app.state.store, hours_ago=1)
        query = replace(query, parameters=(*which, seen))
    return WcfJson(count(request, query))


def _per_person(request: Request, recipient_id: int, kind: PersonKind) -> Query:
    require_person(request, recipient_id)
    bound = (recipient_id, KINDS[kind], horizon(request.app.state.store))
    more = PER_PERSON_DETAILS.get(kind)
    group = f"e.message_id, {LINK}" if more else "e.message_id"
    return Query(PER_PERSON | (more or {}), DELIVERIES, bound, group, group=group)


@router.get("/Recipient/{recipient_id:int}/List/{kind}")
def person_list(request: Request, recipient_id: int, kind: PersonKind) -> Response:
    """Messages that one recipient received, opened, clicked; details by link or by bounce."""
    query = _per_person(request, recipient_id, kind)
    return page(request, query, whole(query.columns))


@router.get("/Recipient/{recipient_id:int}/Count/{kind}")
def person_count(request: Request, recipient_id: int, kind: PersonKind) -> Response:
    """A bare number."""
    return WcfJson(count(request, _per_person(request, recipient_id, kind)))
