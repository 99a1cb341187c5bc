"""Create, change and delete messages and tags."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sandbox.mailup.clock import utc_form
from sandbox.mailup.filters import Column
from sandbox.mailup.lists import json_object, json_value, require_list
from sandbox.mailup.messages import require_message
from sandbox.mailup.paging import Query, page, whole
from sandbox.mailup.rules import Channel
from sandbox.mailup.settings import CONSOLE
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import present
from sandbox.mailup.wire import ApiError, WcfJson, empty

TAGS = {
    "Enabled": Column("t.enabled", "flag"),
    "Id": Column("t.id", "number"),
    "Name": Column("t.name"),
}

router = APIRouter(prefix=CONSOLE + "/Console")


def _tag_names(body: dict[str, Any]) -> list[str]:
    """Names of the tags of a message; each is an object with a name, or a name."""
    given = body.get("Tags") or []
    named = [each.get("Name") if isinstance(each, dict) else each for each in given]
    return [str(name) for name in named if name]


def _write(
    request: Request, list_id: int, channel: Channel, body: dict[str, Any], message_id: int = 0
) -> Response:
    """Create a message, or change the one with this id."""
    require_list(request, list_id)
    store: Store = request.app.state.store
    before = require_message(request, message_id) if message_id else None
    subject = body.get("Subject") or (before["subject"] if before else "")
    if not subject:
        raise ApiError(400, "Parameter 'Subject' is missing")
    notes = str(body.get("Notes") or (before["notes"] if before else ""))
    created = before["created"] if before else utc_form(present(store))
    with store.writing() as connection:
        number = connection.execute(
            "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, 0)",
            (message_id or None, list_id, channel, str(subject), notes, created),
        ).lastrowid or 0  # fmt: skip
        if before is None or "Tags" in body:
            connection.execute("DELETE FROM message_tag WHERE message_id = ?", (number,))
            connection.executemany(
                "INSERT OR IGNORE INTO message_tag VALUES (?, ?)",
                [(number, name) for name in _tag_names(body)],
            )
    return WcfJson({"Subject": subject, "idList": list_id, "idMessage": number})


@router.post("/List/{list_id:int}/Email")
async def create_email(request: Request, list_id: int) -> Response:
    """A new e-mail message: `{Subject[, Content, Notes, Tags]}`; its id is in the answer."""
    body = await json_object(request)
    return await run_in_threadpool(_write, request, list_id, "email", body)


@router.put("/List/{list_id:int}/Email/{message_id:int}")
async def change_email(request: Request, list_id: int, message_id: int) -> Response:
    """Change the given properties of an e-mail message."""
    body = await json_object(request)
    return await run_in_threadpool(_write, request, list_id, "email", body, message_id)


@router.post("/Sms/List/{list_id:int}/Message")
async def create_sms(request: Request, list_id: int) -> Response:
    """A new SMS message."""
    body = await json_object(request)
    return await run_in_threadpool(_write, request, list_id, "sms", body)


@router.delete("/List/{list_id:int}/Email/{message_id:int}")
def delete_email(request: Request, list_id: int, message_id: int) -> Response:
    """Delete a message; its events stay in the log."""
    require_list(request, list_id)
    require_message(request, message_id)
    store: Store = request.app.state.store
    with store.writing() as connection:
        connection.execute("DELETE FROM message WHERE id = ?", (message_id,))
        connection.execute("DELETE FROM message_tag WHERE message_id = ?", (message_id,))
    return empty()


@router.get("/List/{list_id:int}/Tags")
def tags(request: Request, list_id: int) -> Response:
    """The tags of a list."""
    require_list(request, list_id)
    return page(request, Query(TAGS, "tag t WHERE t.list_id = ?", (list_id,), "t.id"), whole(TAGS))


def _tag(store: Store, list_id: int, tag_id: int) -> Any:
    row = store.row("SELECT * FROM tag WHERE id = ? AND list_id = ?", (tag_id, list_id))
    if row is None:
        raise ApiError(404, "The tag does not exist")
    return row


def _shown(row: Any) -> WcfJson:
    return WcfJson({"Enabled": bool(row["enabled"]), "Id": row["id"], "Name": row["name"]})


@router.post("/List/{list_id:int}/Tag")
async def create_tag(request: Request, list_id: int) -> Response:
    """A new tag; the body is its name as a JSON text, or an object with it."""
    body = await json_value(request)
    require_list(request, list_id)
    name = body.get("Name") if isinstance(body, dict) else body
    if not isinstance(name, str) or not name:
        raise ApiError(400, "The name of the tag is missing")
    store: Store = request.app.state.store
    number = store.write(
        "INSERT INTO tag (list_id, name, enabled) VALUES (?, ?, 1)", (list_id, name)
    )
    return _shown(_tag(store, list_id, number))


@router.put("/List/{list_id:int}/Tag/{tag_id:int}")
async def change_tag(request: Request, list_id: int, tag_id: int) -> Response:
    """Rename or disable a tag."""
    body = await json_object(request)
    require_list(request, list_id)
    store: Store = request.app.state.store
    row = _tag(store, list_id, tag_id)
    enabled = body.get("Enabled", bool(row["enabled"])) is not False
    values = (str(body.get("Name") or row["name"]), enabled, tag_id)
    store.write("UPDATE tag SET name = ?, enabled = ? WHERE id = ?", values)
    return _shown(_tag(store, list_id, tag_id))


@router.delete("/List/{list_id:int}/Tag/{tag_id:int}")
def delete_tag(request: Request, list_id: int, tag_id: int) -> Response:
    """Delete a tag; messages keep its name."""
    require_list(request, list_id)
    store: Store = request.app.state.store
    _tag(store, list_id, tag_id)
    store.write("DELETE FROM tag WHERE id = ?", (tag_id,))
    return empty()
