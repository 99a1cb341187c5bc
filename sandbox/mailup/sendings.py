"""Queues of e-mail sendings. A prepared confirmation stays in `Undefined` until a call decides.

Chosen: an immediate sending is complete at once, and in no queue.
"""

from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sandbox.mailup.clock import parse, utc_form
from sandbox.mailup.filters import Column
from sandbox.mailup.lists import json_object
from sandbox.mailup.paging import Query, page, whole
from sandbox.mailup.sending import audience, send
from sandbox.mailup.settings import CONSOLE
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import present
from sandbox.mailup.wire import ApiError, WcfJson, empty

Queue = Literal["Immediate", "Deferred", "Undefined"]
STATES: dict[Queue, str] = {"Immediate": "sending", "Deferred": "deferred", "Undefined": "prepared"}
QUEUED = {
    "Date": Column("s.date"),
    "IdList": Column("s.list_id", "number"),
    "IdMessage": Column("s.message_id", "number"),
}

router = APIRouter(prefix=CONSOLE + "/Console")


@router.get("/Import/{import_id:int}/Sending")
def import_sending(request: Request, import_id: int) -> Response:
    """The prepared confirmation sending; 404 before the import is completed or without one."""
    store: Store = request.app.state.store
    if store.row("SELECT 1 FROM import WHERE id = ?", (import_id,)) is None:
        raise ApiError(404, "The import does not exist")
    row = store.row("SELECT * FROM sending WHERE import_id = ?", (import_id,))
    if row is not None:
        return _sending(row, request.app.state.settings.import_sending)
    manner = request.app.state.settings.no_import_sending
    if manner in ("404", "400"):
        raise ApiError(int(manner), "The import has no confirmation sending")
    return empty() if manner == "empty" else WcfJson(None)


def _sending(row: Any, named: str = "idSending") -> WcfJson:
    """A sending, its id under the key `named`, or (`number`) the id alone."""
    if named == "number":
        return WcfJson(row["id"])
    body = {"IdList": row["list_id"], "idMessage": row["message_id"], named: row["id"]}
    return WcfJson(body | {"Date": row["date"]})


@router.get("/Email/Sendings/{queue}")
def queued(request: Request, queue: Queue) -> Response:
    """The sendings of one queue."""
    columns = QUEUED | {request.app.state.settings.queue_ids: Column("s.id", "number")}
    query = Query(columns, "sending s WHERE s.state = ?", (STATES[queue],), "s.id")
    return page(request, query, whole(columns))


def _decide(request: Request, sending_id: int, state: str, date: str | None = None) -> Response:
    """Change the state of a sending; 404 for an unknown one, 400 if it was already sent."""
    store: Store = request.app.state.store
    row = store.row("SELECT * FROM sending WHERE id = ?", (sending_id,))
    if row is None:
        raise ApiError(404, "The sending does not exist")
    if row["state"] == "sent":
        raise ApiError(400, "The sending has been started already")
    values = (state, date, sending_id)
    store.write("UPDATE sending SET state = ?, date = coalesce(?, date) WHERE id = ?", values)
    return _sending(store.row("SELECT * FROM sending WHERE id = ?", (sending_id,)))


@router.post("/Email/Sendings/{sending_id:int}/Immediate")
def send_now(request: Request, sending_id: int) -> Response:
    """Send a prepared or deferred sending; 400 if it was already sent."""
    answer = _decide(request, sending_id, "sent")
    store: Store = request.app.state.store
    sql = "SELECT m.* FROM message m JOIN sending s ON s.message_id = m.id WHERE s.id = ?"
    message = store.row(sql, (sending_id,))
    if message is not None:
        group = "SELECT group_id FROM sending_group WHERE sending_id = ?"
        send(store, message, audience(store, message, store.value(group, (sending_id,))))
    return answer


@router.post("/Email/Sendings/{sending_id:int}/Stop")
def stop(request: Request, sending_id: int) -> Response:
    """Remove a sending from its queue; it waits for a decision again."""
    return _decide(request, sending_id, "prepared")


@router.delete("/Email/Sendings/{sending_id:int}")
def delete(request: Request, sending_id: int) -> Response:
    """Delete a sending that was not sent."""
    _decide(request, sending_id, "prepared")
    store: Store = request.app.state.store
    store.write("DELETE FROM sending WHERE id = ?", (sending_id,))
    return empty()


@router.get("/Email/Sendings/{sending_id:int}/Deferred")
@router.get("/Email/Sending/{sending_id:int}/Deferred")
def earliest(request: Request, sending_id: int) -> Response:
    """The earliest time for a sending, as text: now."""
    store: Store = request.app.state.store
    if store.row("SELECT 1 FROM sending WHERE id = ?", (sending_id,)) is None:
        raise ApiError(404, "The sending does not exist")
    return WcfJson(utc_form(present(store)))


@router.post("/Email/Sendings/{sending_id:int}/Deferred")
async def send_later(request: Request, sending_id: int) -> Response:
    """Put a sending into the queue `Deferred`; the body is `{"Date": "yyyy-MM-dd HH:mm:ss"}`."""
    body = await json_object(request)
    try:
        date = utc_form(parse(str(body["Date"])))
    except (KeyError, ValueError):
        raise ApiError(400, "Parameter 'Date' is missing or not a date") from None
    return await run_in_threadpool(_decide, request, sending_id, "deferred", date)
