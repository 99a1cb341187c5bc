"""Send messages to one person, a list or a group; sendings are counted in the statistics.

Chosen: a sending is complete immediately, with its events; a later one stays in the queue
`Deferred` until a call decides (`sendings.py`); people who are not subscribed are unprocessed.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sandbox.mailup import eventlog
from sandbox.mailup.clock import NEVER, parse, seconds, utc_form
from sandbox.mailup.eventlog import Event
from sandbox.mailup.lists import json_object, require_group, require_list
from sandbox.mailup.messages import require_message
from sandbox.mailup.paging import parameter
from sandbox.mailup.rules import Channel
from sandbox.mailup.settings import CONSOLE
from sandbox.mailup.staging import EMAIL, number_of
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import present
from sandbox.mailup.wire import ApiError, WcfJson

DELIVERED = 0
SUBSCRIBED = (
    "SELECT recipient_id FROM subscription WHERE list_id = ? AND channel = ? "
    "AND status = 'subscribed'"
)

router = APIRouter(prefix=CONSOLE + "/Console")


@dataclass(frozen=True)
class Sent:
    """The result of a sending."""

    message_id: int
    sending_id: int | None = None
    sent: int = 0
    invalid: tuple[str, ...] = ()
    unprocessed: tuple[str, ...] = ()

    def answer(self) -> WcfJson:
        """The documented answer."""
        body = {
            "Id": self.sending_id,
            "InvalidRecipients": self.invalid,
            "Sent": self.sent,
            "UnprocessedRecipients": self.unprocessed,
            "idMessage": self.message_id,
        }
        return WcfJson(body)


def send(store: Store, message: Any, people: list[int]) -> Sent:
    """Send a message now: add to its sending history, and an event for each recipient."""
    now = present(store)
    with store.writing() as connection:
        sending = connection.execute(
            "INSERT INTO history (message_id, started, ended, recipients) VALUES (?, ?, ?, ?)",
            (message["id"], utc_form(now), utc_form(now), len(people)),
        ).lastrowid or 0  # fmt: skip
        _log(connection, message, sending, people, seconds(now))
    return Sent(message["id"], sending, len(people))


def _log(
    connection: sqlite3.Connection, message: Any, sending: int, people: list[int], at: int
) -> None:
    sms = message["channel"] == "sms"
    where = (message["list_id"], message["id"], sending)
    eventlog.write(
        connection,
        (
            Event(at, at, "SMS" if sms else "SNT", *where, who, "", DELIVERED if sms else None)
            for who in people
        ),
    )


def audience(store: Store, message: Any, group_id: int | None) -> list[int]:
    """The recipients of a message: subscribed people of its list, or those of them in a group."""
    sql, parameters = SUBSCRIBED, (message["list_id"], message["channel"])
    if group_id is not None:
        sql += " AND recipient_id IN (SELECT recipient_id FROM membership WHERE group_id = ?)"
        return [row[0] for row in store.rows(sql, (*parameters, group_id))]
    return [row[0] for row in store.rows(sql, parameters)]


def _to_one(request: Request, message: Any, where: str, key: str, shown: str) -> Sent:
    """Send to the person with this key; `where` is our own SQL."""
    store: Store = request.app.state.store
    who = store.value(f"SELECT id FROM recipient WHERE {where} = ?", (key,))  # noqa: S608 - own
    subscribed = (message["list_id"], message["channel"], who)
    if store.value(f"{SUBSCRIBED} AND recipient_id = ?", subscribed) is None:
        return Sent(message["id"], unprocessed=(shown,))
    return send(store, message, [who])


def _message(request: Request, body: dict[str, Any], channel: Channel) -> Any:
    number = body.get("idMessage")
    if not str(number).isdigit():
        raise ApiError(400, "Parameter 'idMessage' is missing or malformed")
    return of_channel(require_message(request, int(str(number))), channel)


def of_channel(message: Any, channel: Channel) -> Any:
    """The message, if it is one of this channel; ApiError 404 otherwise."""
    if message["channel"] != channel:
        raise ApiError(404, "The message does not exist")
    return message


@router.post("/Email/Send")
async def send_email(request: Request) -> Response:
    """One e-mail to one person: `{Email, idMessage[, Fields]}`."""
    body = await json_object(request)
    return await run_in_threadpool(_send_email, request, body)


def _send_email(request: Request, body: dict[str, Any]) -> Response:
    message, email = _message(request, body, "email"), str(body.get("Email") or "").strip()
    if EMAIL.fullmatch(email) is None:
        return Sent(message["id"], invalid=(email,)).answer()
    return _to_one(request, message, "email", email, email).answer()


@router.post("/Sms/Send")
async def send_sms(request: Request) -> Response:
    """One SMS to one person: `{Prefix, Number, idMessage[, Fields]}`."""
    body = await json_object(request)
    return await run_in_threadpool(_send_sms, request, body)


def _send_sms(request: Request, body: dict[str, Any]) -> Response:
    message = _message(request, body, "sms")
    prefix = require_list(request, message["list_id"])["default_prefix"]
    given = {"MobilePrefix": body.get("Prefix"), "MobileNumber": body.get("Number")}
    found, shown = number_of(given, prefix), f"{body.get('Prefix')}{body.get('Number')}"
    if isinstance(found, str):
        return Sent(message["id"], invalid=(shown,)).answer()
    return _to_one(request, message, "number_key", found[2], shown).answer()


def _to_many(request: Request, message: Any, group_id: int | None) -> Response:
    """Send to a list or group now, or later with `datetime`."""
    store: Store = request.app.state.store
    later = (parameter(request, "datetime") or "").strip('"')
    if not later:
        return send(store, message, audience(store, message, group_id)).answer()
    try:
        date = utc_form(parse(later))
    except ValueError:
        raise ApiError(400, "Parameter 'datetime' is not a date") from None
    with store.writing() as connection:
        sending = connection.execute(
            "INSERT INTO sending (list_id, state, message_id, date) VALUES (?, 'deferred', ?, ?)",
            (message["list_id"], message["id"], date),
        ).lastrowid or 0  # fmt: skip
        if group_id is not None:
            connection.execute("INSERT INTO sending_group VALUES (?, ?)", (sending, group_id))
    return Sent(message["id"], sending).answer()


def _to_list(request: Request, list_id: int, message_id: int, channel: Channel) -> Response:
    require_list(request, list_id)
    return _to_many(request, of_channel(require_message(request, message_id), channel), None)


def _to_group(request: Request, group_id: int, message_id: int, channel: Channel) -> Response:
    require_group(request, group_id)
    return _to_many(request, of_channel(require_message(request, message_id), channel), group_id)


@router.post("/List/{list_id:int}/Email/{message_id:int}/Send")
def send_to_list(request: Request, list_id: int, message_id: int) -> Response:
    """An e-mail to all subscribers of its list."""
    return _to_list(request, list_id, message_id, "email")


@router.post("/Group/{group_id:int}/Email/{message_id:int}/Send")
def send_to_group(request: Request, group_id: int, message_id: int) -> Response:
    """An e-mail to the subscribed people of a group."""
    return _to_group(request, group_id, message_id, "email")


@router.post("/Sms/List/{list_id:int}/Message/{message_id:int}/Send")
def send_sms_to_list(request: Request, list_id: int, message_id: int) -> Response:
    """An SMS to all subscribers of its list."""
    return _to_list(request, list_id, message_id, "sms")


@router.post("/Sms/Group/{group_id:int}/Message/{message_id:int}/Send")
def send_sms_to_group(request: Request, group_id: int, message_id: int) -> Response:
    """An SMS to the subscribed people of a group."""
    return _to_group(request, group_id, message_id, "sms")


@router.get("/Sms/{message_id:int}/Sendings/Report")
def sms_summary(request: Request, message_id: int) -> Response:
    """The progress of an SMS: `{EndDate, IsCompleted, StartDate, TotalSmsSent, idMessage}`."""
    of_channel(require_message(request, message_id), "sms")
    store: Store = request.app.state.store
    row = store.row(
        "SELECT min(started) AS started, max(ended) AS ended, sum(recipients) AS sent "
        "FROM history WHERE message_id = ? AND started <= ?",
        (message_id, utc_form(present(store))),
    )
    sendings: dict[str, Any] = dict(row) if row else {}
    body = {
        "EndDate": sendings.get("ended") or NEVER,
        "IsCompleted": bool(sendings.get("ended")),
        "StartDate": sendings.get("started") or NEVER,
        "TotalSmsSent": sendings.get("sent") or 0,
        "idMessage": message_id,
    }
    return WcfJson(body)
