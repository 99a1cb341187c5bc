"""The control API under /_sandbox: faults, settings, state. No token, no limit."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from sandbox.mailup import variants
from sandbox.mailup.faults import Fault
from sandbox.mailup.fresh import start_over
from sandbox.mailup.lists import json_object
from sandbox.mailup.oauth import expire, revoke
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import settle
from sandbox.mailup.wire import ApiError, WcfJson

router = APIRouter(prefix="/_sandbox")


@router.get("/faults")
def faults(request: Request) -> Response:
    """The active faults."""
    return WcfJson([vars(fault) for fault in request.app.state.gate.faults.orders])


@router.post("/faults")
async def add_fault(request: Request) -> Response:
    """Add a fault; see `faults.Fault` for the keys."""
    body = await json_object(request)
    try:
        fault = Fault(**body | {"kind": str(body.get("kind"))})
    except (TypeError, ValueError) as error:
        raise ApiError(400, str(error)) from None
    request.app.state.gate.faults.add(fault)
    return WcfJson(vars(fault))


@router.delete("/faults")
def clear_faults(request: Request) -> Response:
    """Remove all faults."""
    request.app.state.gate.faults.clear()
    return WcfJson([])


@router.get("/log")
def log(request: Request) -> Response:
    """Calls of the API since the start or the last DELETE, oldest first."""
    return WcfJson(list(request.app.state.gate.log))


@router.delete("/log")
def clear_log(request: Request) -> Response:
    """Clear the log."""
    request.app.state.gate.log.clear()
    return WcfJson([])


@router.get("/settings")
def settings(request: Request) -> Response:
    """Current settings, including credentials."""
    return WcfJson(request.app.state.settings.as_json())


@router.post("/settings")
async def change_settings(request: Request) -> Response:
    """Change some settings while running."""
    body = await json_object(request)
    try:
        request.app.state.settings.change(body)
    except ValueError as error:
        raise ApiError(400, str(error)) from None
    return WcfJson(request.app.state.settings.as_json())


@router.delete("/settings")
def reset_settings(request: Request) -> Response:
    """Restore the settings with which the emulator was started."""
    request.app.state.settings.reset()
    return WcfJson(request.app.state.settings.as_json())


@router.get("/variants")
def table(request: Request) -> Response:
    """Unproven behaviours of MailUp: `[{name, values, evidence, source, meaning, now}]`."""
    now = request.app.state.settings
    return WcfJson([each._asdict() | {"now": getattr(now, each.name)} for each in variants.TABLE])


@router.post("/reset")
def reset(request: Request) -> Response:
    """Restore the initial account and settings, without faults and log; tokens stay valid."""
    start_over(request.app.state)
    return WcfJson({})


@router.post("/expire_tokens")
def expire_tokens(request: Request) -> Response:
    """Expire all access tokens; refresh tokens stay valid."""
    expire(request.app.state.store)
    return WcfJson({})


@router.post("/revoke_tokens")
def revoke_tokens(request: Request) -> Response:
    """Revoke all tokens, including refresh tokens; logging in by password still works."""
    revoke(request.app.state.store)
    return WcfJson({})


@router.get("/state")
def state(
    request: Request, list_id: Annotated[int, Query(alias="list")], channel: str = "email"
) -> Response:
    """All recipients of a list: keys, name, fields, status, type, dates, groups."""
    store: Store = request.app.state.store
    settle(store, request.app.state.settings.zone)
    members: dict[int, list[int]] = {}
    for row in store.rows(
        "SELECT m.* FROM membership m JOIN grp g ON g.id = m.group_id WHERE g.list_id = ?",
        (list_id,),
    ):
        members.setdefault(row["recipient_id"], []).append(row["group_id"])
    rows = store.rows(
        "SELECT r.id, email, prefix, number, name, fields, status, optout_type AS type, "
        "optout_subtype AS subtype, optin_date, optin_request_date, optout_date "
        "FROM subscription b JOIN recipient r ON r.id = b.recipient_id "
        "WHERE list_id = ? AND channel = ? ORDER BY r.id",
        (list_id, channel),
    )
    found = [
        dict(row) | {"fields": json.loads(row["fields"]), "groups": members.get(row["id"], [])}
        for row in rows
    ]
    return WcfJson(found)


@router.get("/imports")
def imports(request: Request) -> Response:
    """All imports, also those not shown by the API: `[{id, list, group, channel, status}]`."""
    store: Store = request.app.state.store
    columns = 'id, list_id AS list, group_id AS "group", channel, status'
    rows = store.rows(f"SELECT {columns} FROM import ORDER BY id")  # noqa: S608 - our own names
    return WcfJson([dict(row) for row in rows])


@router.get("/counts")
def counts(request: Request) -> Response:
    """Number of people by list, channel and status: `[{list, channel, status, type, count}]`."""
    store: Store = request.app.state.store
    settle(store, request.app.state.settings.zone)
    rows = store.rows(
        "SELECT list_id AS list, channel, status, optout_type AS type, count(*) AS count "
        "FROM subscription GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    )
    return WcfJson([dict(row) for row in rows])
