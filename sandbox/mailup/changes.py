"""Synchronous changes of single recipients.

Chosen: a bounced or complained recipient cannot be subscribed (400); adding a recipient follows
the default rule of imports; unsubscribing by API sets type 0, "by the administrator".
"""

import sqlite3
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sandbox.mailup import eventlog
from sandbox.mailup.absorb import Target, absorb
from sandbox.mailup.clock import local_form, seconds
from sandbox.mailup.imports import flags_of
from sandbox.mailup.lists import json_object, require_group, require_list
from sandbox.mailup.paging import flag
from sandbox.mailup.recipients import descriptions, find_person, person, require_person
from sandbox.mailup.rules import BY_HAND, NEVER_BACK
from sandbox.mailup.settings import CONSOLE
from sandbox.mailup.staging import EMAIL, number_of
from sandbox.mailup.statuses import Cause, set_subscribed, set_unsubscribed
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import present
from sandbox.mailup.wire import ApiError, WcfJson, empty

router = APIRouter(prefix=CONSOLE + "/Console")


def _moment(request: Request) -> str:
    return local_form(present(request.app.state.store), request.app.state.settings.zone)


def _add_one(request: Request, body: dict[str, Any], list_id: int, group_id: int | None) -> int:
    state = request.app.state
    flags = flags_of(request, "email")
    prefix = require_list(request, list_id)["default_prefix"]
    target = Target(list_id, group_id, prefix, _moment(request), state.settings)
    with state.store.writing() as connection:
        counters = absorb(connection, [body], target, flags)
        if counters.invalid("email") > counters.Refused:
            raise ApiError(400, "The e-mail address is missing or not valid")
        row = connection.execute("SELECT recipient_id FROM stage").fetchone()
        if row is None:
            raise ApiError(400, "The request is denied: the recipient has another mobile number")
        return int(row[0])


@router.post("/List/{list_id:int}/Recipient")
async def add_to_list(request: Request, list_id: int) -> Response:
    """Insert or update one recipient; the answer is its bare id."""
    body = await json_object(request)
    return WcfJson(await run_in_threadpool(_add_one, request, body, list_id, None))


@router.post("/Group/{group_id:int}/Recipient")
async def add_to_group(request: Request, group_id: int) -> Response:
    """Insert or update one recipient of a group; the answer is its bare id."""
    body = await json_object(request)
    list_id = require_group(request, group_id)["list_id"]
    return WcfJson(await run_in_threadpool(_add_one, request, body, list_id, group_id))


@router.put("/Recipient/Detail")
async def change_detail(request: Request) -> Response:
    """Change the data of one recipient, found by `idRecipient` or `Email`; the rest is kept."""
    body = await json_object(request)
    return await run_in_threadpool(_change_detail, request, body)


def _change_detail(request: Request, body: dict[str, Any]) -> Response:
    store: Store = request.app.state.store
    if body.get("idRecipient"):
        row = require_person(request, int(body["idRecipient"]))
    else:
        row = find_person(store, "r.email", str(body.get("Email") or ""))
    if row is None:
        raise ApiError(404, "The recipient does not exist")
    _change_keys(store, row, body)
    _change_data(store, row["idRecipient"], body)
    return WcfJson(person(require_person(request, row["idRecipient"]), descriptions(store)))


def _change_keys(store: Store, row: Any, body: dict[str, Any]) -> None:
    """Set a new address or number; ApiError 400 if it is invalid or of another recipient."""
    email, keys = str(body.get("Email") or row["Email"] or ""), {}
    if email.lower() != (row["Email"] or "").lower():
        if EMAIL.fullmatch(email) is None:
            raise ApiError(400, "The e-mail address is not valid")
        keys["email"] = email
    if body.get("MobileNumber"):
        found = number_of(body, row["MobilePrefix"] or "")
        if isinstance(found, str):
            raise ApiError(400, "The mobile number is not valid")
        keys |= dict(zip(("prefix", "number", "number_key"), found, strict=True))
    for column, value in keys.items():
        try:
            sql = f"UPDATE recipient SET {column} = ? WHERE id = ?"  # noqa: S608 - our own names
            store.write(sql, (value, row["idRecipient"]))
        except sqlite3.IntegrityError:
            raise ApiError(400, "Another recipient has this address or number") from None


def _change_data(store: Store, who: int, body: dict[str, Any]) -> None:
    """Set the name and the given fields, also empty ones."""
    values = {
        f'$."{int(one["Id"])}"': str(one.get("Value") or "")[:200]
        for one in body.get("Fields") or []
    }
    with store.writing() as connection:
        for path, value in values.items():
            connection.execute(
                "UPDATE recipient SET fields = json_set(fields, ?, ?) WHERE id = ?",
                (path, value, who),
            )
        connection.execute(
            "UPDATE recipient SET name = coalesce(?, name) WHERE id = ?", (body.get("Name"), who)
        )


@router.post("/List/{list_id:int}/Subscribe/{recipient_id:int}")
def subscribe(request: Request, list_id: int, recipient_id: int) -> Response:
    """(Re)subscribe to a list; 400 for bounced and complained ones."""
    require_list(request, list_id)
    require_person(request, recipient_id)
    _subscribe(request, list_id, recipient_id)
    return empty()


def _subscribe(request: Request, list_id: int, recipient_id: int) -> None:
    store: Store = request.app.state.store
    cause = store.value(
        "SELECT optout_type FROM subscription "
        "WHERE list_id = ? AND channel = 'email' AND recipient_id = ?",
        (list_id, recipient_id),
    )
    if cause in NEVER_BACK:
        raise ApiError(400, "The recipient cannot be subscribed again")
    with store.writing() as connection:
        set_subscribed(connection, list_id, recipient_id, _moment(request))


@router.delete("/List/{list_id:int}/Unsubscribe/{recipient_id:int}")
def unsubscribe(request: Request, list_id: int, recipient_id: int) -> Response:
    """Unsubscribe from a list; an earlier cause is kept."""
    require_list(request, list_id)
    require_person(request, recipient_id)
    store: Store = request.app.state.store
    status = store.value(
        "SELECT status FROM subscription "
        "WHERE list_id = ? AND channel = 'email' AND recipient_id = ?",
        (list_id, recipient_id),
    )
    if status != "unsubscribed":
        with store.writing() as connection:
            cause, when = Cause(BY_HAND), seconds(present(store))
            set_unsubscribed(connection, list_id, recipient_id, _moment(request), cause)
            event = eventlog.unsubscribed(when, when, list_id, recipient_id, cause)
            eventlog.write(connection, [event])
    return empty()


@router.post("/Group/{group_id:int}/Subscribe/{recipient_id:int}")
def join_group(request: Request, group_id: int, recipient_id: int) -> Response:
    """Put a recipient into a group, and its list, unless `confirmSubscription` is false."""
    list_id = require_group(request, group_id)["list_id"]
    require_person(request, recipient_id)
    store: Store = request.app.state.store
    default = request.app.state.settings.group_subscribe == "list_too"
    if flag(request, "confirmSubscription", default=default):
        _subscribe(request, list_id, recipient_id)
    store.write("INSERT OR IGNORE INTO membership VALUES (?, ?)", (group_id, recipient_id))
    return empty()


@router.delete("/Group/{group_id:int}/Unsubscribe/{recipient_id:int}")
def leave_group(request: Request, group_id: int, recipient_id: int) -> Response:
    """Remove a recipient from a group; the status in the list is kept."""
    require_group(request, group_id)
    store: Store = request.app.state.store
    store.write(
        "DELETE FROM membership WHERE group_id = ? AND recipient_id = ?", (group_id, recipient_id)
    )
    return empty()


@router.delete("/List/{list_id:int}/Recipient/{recipient_id:int}")
def remove_from_list(request: Request, list_id: int, recipient_id: int) -> Response:
    """Delete a recipient's subscriptions and groups of a list."""
    require_list(request, list_id)
    store: Store = request.app.state.store
    with store.writing() as connection:
        removed = connection.execute(
            "DELETE FROM subscription WHERE list_id = ? AND recipient_id = ?",
            (list_id, recipient_id),
        ).rowcount
        connection.execute(
            "DELETE FROM membership WHERE recipient_id = ? "
            "AND group_id IN (SELECT id FROM grp WHERE list_id = ?)",
            (recipient_id, list_id),
        )
    return WcfJson({"Removed": min(removed, 1)})


@router.delete("/Recipients/{recipient_id:int}")
def remove(request: Request, recipient_id: int) -> Response:
    """Remove a recipient from the account."""
    store: Store = request.app.state.store
    with store.writing() as connection:
        connection.execute("DELETE FROM subscription WHERE recipient_id = ?", (recipient_id,))
        connection.execute("DELETE FROM membership WHERE recipient_id = ?", (recipient_id,))
        removed = connection.execute("DELETE FROM recipient WHERE id = ?", (recipient_id,)).rowcount
    return WcfJson({"Removed": removed})
