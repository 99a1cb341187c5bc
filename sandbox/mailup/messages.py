"""E-mail and SMS messages, their sending history, and the SMS report."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.mailup.clock import NEVER
from sandbox.mailup.filters import Column, parse_filter, parse_order
from sandbox.mailup.lists import require_list
from sandbox.mailup.paging import Query, envelope, page, parameter, whole
from sandbox.mailup.settings import CONSOLE
from sandbox.mailup.store import Store
from sandbox.mailup.wire import ApiError, WcfJson

EMAILS = {
    "CreationDate": Column("m.created"),
    "Notes": Column("m.notes"),
    "ServiceType": Column("m.service_type", "number"),
    "Subject": Column("m.subject"),
    "idList": Column("m.list_id", "number"),
    "idMessage": Column("m.id", "number"),
}
SENT_EMAILS = {key: column for key, column in EMAILS.items() if key != "ServiceType"} | {
    "LastSendDate": Column(
        f"coalesce((SELECT max(started) FROM history h WHERE h.message_id = m.id), '{NEVER}')"  # noqa: S608 - a constant
    ),
    "Url": Column("'http://127.0.0.1/e/' || m.id"),
}
SMS = {key: EMAILS[key] for key in ("Subject", "idList", "idMessage")}
HISTORY = {
    "EndDate": Column("h.ended"),
    "Kb_transferred": Column("h.recipients * 30", "number"),
    "Recipients": Column("h.recipients", "number"),
    "SenderEmail": Column("'news@example.it'"),
    "SenderName": Column("'Esempio'"),
    "StartDate": Column("h.started"),
    "idMessage": Column("h.message_id", "number"),
}
REPORT = {
    "ErrorCode": Column("e.error"),
    "Receiver": Column("r.number_key"),
    "SentDate": Column("e.date"),
    "Status": Column("e.status", "number"),
}
MESSAGES = "message m WHERE m.list_id = ? AND m.channel = ?"

router = APIRouter(prefix=CONSOLE + "/Console")


def _messages(request: Request, list_id: int, channel: str, columns: dict[str, Column]) -> Response:
    require_list(request, list_id)
    query = Query(columns, MESSAGES, (list_id, channel), "m.id")
    return page(request, query, whole(columns))


def require_message(request: Request, message_id: int) -> Any:
    """The row of a message in a visible list; ApiError 403 for any other id."""
    store: Store = request.app.state.store
    row = store.row("SELECT * FROM message WHERE id = ?", (message_id,))
    if row is None:
        raise ApiError(403, "Authorization error: the message is outside the scope of the user")
    require_list(request, row["list_id"])
    return row


@router.get("/List/{list_id:int}/Emails")
def emails(request: Request, list_id: int) -> Response:
    """E-mail messages of a list; only the date of creation."""
    return _messages(request, list_id, "email", EMAILS)


@router.get("/List/{list_id:int}/Online/Emails")
def online_emails(request: Request, list_id: int) -> Response:
    """The web library, with the date of the last sending."""
    return _messages(request, list_id, "email", SENT_EMAILS)


@router.get("/Sms/List/{list_id:int}/Messages")
def sms_messages(request: Request, list_id: int) -> Response:
    """SMS messages of a list."""
    return _messages(request, list_id, "sms", SMS)


@router.get("/List/{list_id:int}/Email/{message_id:int}")
def email(request: Request, list_id: int, message_id: int) -> Response:
    """One e-mail message."""
    require_list(request, list_id)
    row = require_message(request, message_id)
    body = {
        "Attachments": [],
        "Content": "<html><body></body></html>",
        "Embed": True,
        "Fields": [],
        "IsConfirmation": False,
        "Notes": row["notes"],
        "Subject": row["subject"],
        "Tags": [],
        "TrackingInfo": {"CustomParams": "", "Enabled": True, "Protocols": []},
        "idList": row["list_id"],
        "idMessage": row["id"],
    }
    return WcfJson(body)


@router.get("/List/{list_id:int}/Email/{message_id:int}/SendHistory")
def send_history(request: Request, list_id: int, message_id: int) -> Response:
    """The sendings of a message."""
    require_list(request, list_id)
    require_message(request, message_id)
    query = Query(HISTORY, "history h WHERE h.message_id = ?", (message_id,), "h.id")
    return page(request, query, whole(HISTORY))


@router.get("/Sms/{message_id:int}/Sendings/ReportDetails")
def sms_report(request: Request, message_id: int) -> Response:
    """Outcome per receiver: all items at once, PageSize and TotalElementsCount 0, unless paged."""
    require_message(request, message_id)
    source = (
        "event e JOIN recipient r ON r.id = e.recipient_id "
        "WHERE e.message_id = ? AND e.kind = 'Sms'"
    )
    query = Query(REPORT, source, (message_id,), "e.id")
    if parameter(request, "PageSize"):
        return page(request, query, whole(REPORT))
    condition = parse_filter(parameter(request, "filterby") or "", REPORT)
    order = parse_order(parameter(request, "orderby") or "", REPORT, query.order)
    selected = ", ".join(f'{c.sql} AS "{name}"' for name, c in REPORT.items())
    sql = f"SELECT {selected} FROM {source} AND ({condition.sql}) ORDER BY {order}"  # noqa: S608
    store: Store = request.app.state.store
    rows = store.rows(sql, (message_id, *condition.parameters))
    return envelope([dict(row) for row in rows], 0, 0, 0)
