"""MailStatisticsService: who got, opened, clicked a message; aggregated, without any date.

Chosen: rows of Views, Bounces and Unsubscriptions are `Count, Email, IdMessage, IdRecipient`;
messages older than the retention (a setting, in days) answer 0 and no items.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.mailup.clock import now
from sandbox.mailup.filters import Column
from sandbox.mailup.messages import require_message
from sandbox.mailup.paging import Query, page, whole
from sandbox.mailup.recipients import require_person
from sandbox.mailup.settings import STATISTICS
from sandbox.mailup.store import Store
from sandbox.mailup.wire import WcfJson

MessageKind = Literal["Recipients", "Views", "Clicks", "Bounces", "Unsubscriptions"]
PersonKind = Literal["Deliveries", "Views", "Clicks", "Bounces", "Unsubscriptions"]
WHO = {
    "Email": Column("r.email", ignores_case=True),
    "IdMessage": Column("e.message_id", "number"),
    "IdRecipient": Column("e.recipient_id", "number"),
}
PER_MESSAGE = {"Count": Column("e.count", "number"), **WHO}
PER_URL = {
    "Count": Column("e.count", "number"),
    "IdMessage": Column("e.message_id", "number"),
    "Url": Column("e.url"),
}
PER_PERSON = {
    "Count": Column("e.count", "number"),
    "IdList": Column("m.list_id", "number"),
    "IdMessage": Column("e.message_id", "number"),
    "Notes": Column("m.notes"),
    "Subject": Column("m.subject"),
}
EVENTS = "event e JOIN recipient r ON r.id = e.recipient_id WHERE e.message_id = ? AND e.kind = ?"
URLS = (
    "(SELECT message_id, url, sum(count) AS count FROM event WHERE message_id = ? AND kind = ? "
    "GROUP BY url) e WHERE 1"
)
DELIVERIES = "event e JOIN message m ON m.id = e.message_id WHERE e.recipient_id = ? AND e.kind = ?"

router = APIRouter(prefix=STATISTICS)


def _kept(request: Request, message: Any) -> bool:
    days = request.app.state.settings.retention_days
    if days is None:
        return True
    created = datetime.fromisoformat(message["created"])
    return now() - created <= timedelta(days=days)


def _bound(request: Request, message_id: int, kind: str) -> tuple[Any, ...]:
    """Parameters of a query; those of a message beyond retention match nothing."""
    kept = _kept(request, require_message(request, message_id))
    return (message_id, kind if kept else "")


@router.get("/Message/{message_id:int}/List/UrlClicks")
def url_clicks(request: Request, message_id: int) -> Response:
    """Clicks per link."""
    query = Query(PER_URL, URLS, _bound(request, message_id, "Clicks"), "e.url")
    return page(request, query, whole(PER_URL))


@router.get("/Message/{message_id:int}/List/{kind}")
def message_list(request: Request, message_id: int, kind: MessageKind) -> Response:
    """Recipients of one kind; `Recipients` has no Count."""
    columns = WHO if kind == "Recipients" else PER_MESSAGE
    query = Query(columns, EVENTS, _bound(request, message_id, kind), "e.recipient_id")
    return page(request, query, whole(columns))


@router.get("/Message/{message_id:int}/Count/{kind}")
def message_count(request: Request, message_id: int, kind: MessageKind) -> Response:
    """A bare number; filters are ignored."""
    store: Store = request.app.state.store
    sql = "SELECT count(*) FROM event WHERE message_id = ? AND kind = ?"
    return WcfJson(store.value(sql, _bound(request, message_id, kind)))


def _person_bound(request: Request, recipient_id: int, kind: PersonKind) -> tuple[Any, ...]:
    require_person(request, recipient_id)
    return (recipient_id, "Recipients" if kind == "Deliveries" else kind)


@router.get("/Recipient/{recipient_id:int}/List/{kind}")
def person_list(request: Request, recipient_id: int, kind: PersonKind) -> Response:
    """Messages that one recipient got, opened, clicked."""
    bound = _person_bound(request, recipient_id, kind)
    query = Query(PER_PERSON, DELIVERIES, bound, "e.message_id")
    return page(request, query, whole(PER_PERSON))


@router.get("/Recipient/{recipient_id:int}/Count/{kind}")
def person_count(request: Request, recipient_id: int, kind: PersonKind) -> Response:
    """A bare number."""
    store: Store = request.app.state.store
    sql = "SELECT count(*) FROM event WHERE recipient_id = ? AND kind = ?"
    return WcfJson(store.value(sql, _person_bound(request, recipient_id, kind)))
