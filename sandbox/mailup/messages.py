"""E-mail and SMS messages, their sending history, and the SMS report.

Chosen: a message is shown from its creation on, a sending from its start; until its end the EndDate
of a sending is "never".
"""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.mailup.clock import NEVER, utc_form
from sandbox.mailup.filters import Column
from sandbox.mailup.lists import require_list
from sandbox.mailup.paging import Query, page, parameter, unpaged, whole
from sandbox.mailup.settings import CONSOLE
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import horizon, present
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
        "coalesce((SELECT max(started) FROM history h WHERE h.message_id = m.id "  # noqa: S608 - constants
        f"AND h.started <= n.now), '{NEVER}')"
    ),
    "Url": Column("'http://127.0.0.1/e/' || m.id"),
}
SMS = {key: EMAILS[key] for key in ("Subject", "idList", "idMessage")}
HISTORY = {
    "Id": Column("h.id", "number"),
    "EndDate": Column(f"CASE WHEN h.ended <= n.now THEN h.ended ELSE '{NEVER}' END"),
    "Kb_transferred": Column("h.recipients * 30", "number"),
    "Recipients": Column("h.recipients", "number"),
    "SenderEmail": Column("'news@example.it'"),
    "SenderName": Column("'Esempio'"),
    "StartDate": Column("h.started"),
    "idMessage": Column("h.message_id", "number"),
}
REPORT = {
    "ErrorCode": Column("(SELECT text FROM detail d WHERE d.id = e.detail_id)"),
    "Receiver": Column("r.number_key"),
    "ResponseDate": Column("CASE WHEN e.status <> 1 THEN datetime(e.at, 'unixepoch') || 'Z' END"),
    "SentDate": Column("(SELECT started FROM history h WHERE h.id = e.sending_id)"),
    "Status": Column("e.status", "number"),
}
MESSAGES = (
    "message m CROSS JOIN (SELECT ? AS now) n "
    "WHERE m.list_id = ? AND m.channel = ? AND m.created <= n.now"
)
SENDINGS = "history h CROSS JOIN (SELECT ? AS now) n WHERE h.message_id = ? AND h.started <= n.now"
# The last registered state of each SMS.
SMS_STATES = (
    "(SELECT *, max((registered << 32) | id) FROM event "
    "WHERE message_id = ? AND kind = 'SMS' AND registered <= ? "
    "GROUP BY recipient_id, sending_id) e JOIN recipient r ON r.id = e.recipient_id WHERE 1"
)

router = APIRouter(prefix=CONSOLE + "/Console")


def _messages(request: Request, list_id: int, channel: str, columns: dict[str, Column]) -> Response:
    require_list(request, list_id)
    tags = [tag for tag in (parameter(request, "tags") or "").strip('"').split(",") if tag]
    tagged = f"{MESSAGES} AND m.id IN (SELECT message_id FROM message_tag WHERE name IN "  # noqa: S608
    source = f"{tagged} ({', '.join('?' * len(tags))}))" if tags else MESSAGES
    query = Query(columns, source, (_now(request), list_id, channel, *tags), "m.id")
    return page(request, query, whole(columns))


def _now(request: Request) -> str:
    return utc_form(present(request.app.state.store))


def require_message(request: Request, message_id: int) -> Any:
    """The row of a message in a visible list; ApiError 403 for any other id."""
    store: Store = request.app.state.store
    row = store.row("SELECT * FROM message WHERE id = ?", (message_id,))
    if row is None or row["created"] > _now(request):
        raise ApiError(403, "Authorization error: the message is outside the scope of the user")
    require_list(request, row["list_id"])
    return row


@router.get("/List/{list_id:int}/Emails")
def emails(request: Request, list_id: int) -> Response:
    """E-mail messages of a list; only the date of creation."""
    dated = request.app.state.settings.message_rows == "dated"
    return _messages(request, list_id, "email", EMAILS if dated else SMS)


@router.get("/List/{list_id:int}/Archived/Emails")
@router.get("/User/Emails")
def user_emails(request: Request) -> Response:
    """E-mail messages of all lists."""
    source = MESSAGES.replace("m.list_id = ? AND ", "")
    return page(request, Query(EMAILS, source, (_now(request), "email"), "m.id"), whole(EMAILS))


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
    store: Store = request.app.state.store
    tags = store.rows("SELECT name FROM message_tag WHERE message_id = ?", (message_id,))
    body = {
        "Attachments": [],
        "Content": "<html><body></body></html>",
        "Embed": True,
        "Fields": [],
        "IsConfirmation": False,
        "Notes": row["notes"],
        "Subject": row["subject"],
        "Tags": [
            {"Enabled": True, "Id": number, "Name": tag["name"]}
            for number, tag in enumerate(tags, start=1)
        ],
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
    columns = dict(HISTORY)
    if request.app.state.settings.sending_ids == "missing":
        del columns["Id"]
    query = Query(columns, SENDINGS, (_now(request), message_id), "h.id")
    return page(request, query, whole(columns))


@router.get("/Sms/{message_id:int}/Sendings/ReportDetails")
def sms_report(request: Request, message_id: int) -> Response:
    """Outcome per receiver: all items at once, PageSize and TotalElementsCount 0, unless paged."""
    require_message(request, message_id)
    columns = {name: REPORT[name] for name in request.app.state.settings.report_fields}
    bound = (message_id, horizon(request.app.state.store))
    # Ordered by sending: a message that was sent again has each receiver twice.
    query = Query(columns, SMS_STATES, bound, "e.sending_id, e.recipient_id")
    paged = request.app.state.settings.sms_report == "paged" or parameter(request, "PageSize")
    answer = page if paged else unpaged
    return answer(request, query, whole(columns))
