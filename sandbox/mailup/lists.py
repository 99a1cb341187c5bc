"""Lists, groups and dynamic fields, each with its own letter case of keys."""

import uuid
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.mailup.filters import Column
from sandbox.mailup.paging import Query, page, whole
from sandbox.mailup.settings import CONSOLE
from sandbox.mailup.store import Store
from sandbox.mailup.wire import ApiError, WcfJson, empty

NEW_LISTS = {
    "Company": Column("l.company"),
    "Description": Column("l.description"),
    "IdList": Column("l.id", "number"),
    "ListGuid": Column("l.guid"),
    "Name": Column("l.name"),
}
OLD_LISTS = {
    "Company": Column("l.company"),
    "Description": Column("l.description"),
    "Name": Column("l.name"),
    "idList": Column("l.id", "number"),
    "listGuid": Column("l.guid"),
}
GROUPS = {
    "Count": Column("NULL", "number"),
    "Deletable": Column("g.deletable", "flag"),
    "Name": Column("g.name"),
    "Notes": Column("g.notes"),
    "idGroup": Column("g.id", "number"),
    "idList": Column("g.list_id", "number"),
}
FIELDS = {"Description": Column("f.description"), "Id": Column("f.id", "number")}

router = APIRouter(prefix=CONSOLE + "/Console")


def _out_of_scope(request: Request, what: str) -> ApiError:
    status = int(request.app.state.settings.unknown_list)
    if status == 403:
        return ApiError(403, f"Authorization error: the {what} is outside the scope of the user")
    return ApiError(status, f"The {what} does not exist")


def require_list(request: Request, list_id: int) -> Any:
    """The row of a list that the user may see; ApiError 403 for any other id."""
    store: Store = request.app.state.store
    row = store.row("SELECT * FROM list WHERE id = ?", (list_id,))
    if row is None or list_id in request.app.state.gate.faults.hidden_lists():
        raise _out_of_scope(request, "list")
    return row


def require_group(request: Request, group_id: int) -> Any:
    """The row of a group in a visible list; ApiError 403 for any other id."""
    store: Store = request.app.state.store
    row = store.row("SELECT * FROM grp WHERE id = ?", (group_id,))
    if row is None:
        raise _out_of_scope(request, "group")
    require_list(request, row["list_id"])
    return row


async def json_value(request: Request) -> Any:
    """The body as JSON; ApiError 400 otherwise."""
    try:
        return await request.json()
    except ValueError:
        raise ApiError(400, "The request body is not valid JSON") from None


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; ApiError 400 otherwise."""
    body = await json_value(request)
    if not isinstance(body, dict):
        raise ApiError(400, "The request body must be a JSON object")
    return body


def _visible(request: Request) -> str:
    hidden = request.app.state.gate.faults.hidden_lists()
    return f"list l WHERE l.id NOT IN ({', '.join(map(str, hidden))})"


@router.get("/List")
def lists(request: Request) -> Response:
    """Lists, newer spelling: IdList, ListGuid."""
    return page(request, Query(NEW_LISTS, _visible(request), order="l.id"), whole(NEW_LISTS))


@router.get("/User/Lists")
def user_lists(request: Request) -> Response:
    """Lists, older spelling: idList, listGuid."""
    return page(request, Query(OLD_LISTS, _visible(request), order="l.id"), whole(OLD_LISTS))


@router.get("/List/{list_id:int}")
def list_details(request: Request, list_id: int) -> Response:
    """Settings of one list."""
    row = require_list(request, list_id)
    body = {
        "Company": row["company"],
        "DefaultPrefix": row["default_prefix"],
        "Description": row["description"],
        "IdList": row["id"],
        "ListGuid": row["guid"],
        "Name": row["name"],
        "OptoutType": 3,
        "Public": True,
        "SmsSenderName": "",
        "TimeZoneCode": "CET",
    }
    return WcfJson(body)


@router.post("/List")
async def create_list(request: Request) -> Response:
    """A new list; the answer contains `IdList`."""
    return WcfJson(_create_list(request, await json_object(request)))


@router.post("/User/Lists")
async def create_user_list(request: Request) -> Response:
    """A new list, older spelling: the answer is its bare id."""
    return WcfJson(_create_list(request, await json_object(request))["IdList"])


def _create_list(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    if not body.get("Name"):
        raise ApiError(400, "Parameter 'Name' is missing")
    values = (str(uuid.uuid4()), body["Name"], str(body.get("Description") or ""))
    store: Store = request.app.state.store
    list_id = store.write(
        "INSERT INTO list (guid, name, description, company, default_prefix) "
        "VALUES (?, ?, ?, '', '0039')",
        values,
    )
    return {"IdList": list_id, "ListGuid": values[0], "Name": values[1]}


async def _change_list(request: Request, list_id: int) -> Response:
    """Change the given ones of name, description, company and prefix."""
    body = await json_object(request)
    row = require_list(request, list_id)
    names = ("Name", "Description", "Company", "DefaultPrefix")
    columns = ("name", "description", "company", "default_prefix")
    values = [
        row[column] if body.get(name) is None else str(body[name])
        for name, column in zip(names, columns, strict=True)
    ]
    store: Store = request.app.state.store
    store.write(
        "UPDATE list SET name = ?, description = ?, company = ?, default_prefix = ? WHERE id = ?",
        (*values, list_id),
    )
    return list_details(request, list_id)


@router.put("/List/{list_id:int}")
async def change_list(request: Request, list_id: int) -> Response:
    """Change a list; the answer has its details."""
    return await _change_list(request, list_id)


@router.put("/User/List/{list_id:int}")
async def change_user_list(request: Request, list_id: int) -> Response:
    """The same at the older address."""
    return await _change_list(request, list_id)


@router.delete("/List/{list_id:int}")
def delete_list(request: Request, list_id: int) -> Response:
    """Delete a list with its groups; the header `if-match` must be its guid."""
    row = require_list(request, list_id)
    if request.headers.get("if-match", "").strip('"').lower() != row["guid"].lower():
        raise ApiError(412, "The header if-match does not carry the ListGuid")
    store: Store = request.app.state.store
    with store.writing() as connection:
        groups_of_list = "(SELECT id FROM grp WHERE list_id = ?)"
        for sql in (
            f"DELETE FROM membership WHERE group_id IN {groups_of_list}",  # noqa: S608 - constant
            "DELETE FROM grp WHERE list_id = ?",
            "DELETE FROM subscription WHERE list_id = ?",
            "DELETE FROM list WHERE id = ?",
        ):
            connection.execute(sql, (list_id,))
    return empty()


@router.get("/List/{list_id:int}/Groups")
def groups(request: Request, list_id: int) -> Response:
    """Groups of a list; `Count` is always null."""
    require_list(request, list_id)
    query = Query(GROUPS, "grp g WHERE g.list_id = ?", (list_id,), "g.id")
    return page(request, query, whole(GROUPS))


def _group(row: Any) -> dict[str, Any]:
    return {
        "Count": None,
        "Deletable": bool(row["deletable"]),
        "Name": row["name"],
        "Notes": row["notes"],
        "idGroup": row["id"],
        "idList": row["list_id"],
    }


@router.post("/List/{list_id:int}/Group")
async def create_group(request: Request, list_id: int) -> Response:
    """A new group; names need not be unique."""
    body = await json_object(request)
    require_list(request, list_id)
    if not body.get("Name"):
        raise ApiError(400, "Parameter 'Name' is missing")
    store: Store = request.app.state.store
    group_id = store.write(
        "INSERT INTO grp (list_id, name, notes, deletable) VALUES (?, ?, ?, ?)",
        (
            list_id,
            body["Name"],
            str(body.get("Notes") or ""),
            int(body.get("Deletable") is not False),
        ),
    )
    return WcfJson(_group(require_group(request, group_id)))


@router.put("/List/{list_id:int}/Group/{group_id:int}")
async def change_group(request: Request, list_id: int, group_id: int) -> Response:
    """Rename a group or change its notes."""
    body = await json_object(request)
    row = require_group(request, group_id)
    require_list(request, list_id)
    store: Store = request.app.state.store
    values = (body.get("Name") or row["name"], body.get("Notes") or row["notes"], group_id)
    store.write("UPDATE grp SET name = ?, notes = ? WHERE id = ?", values)
    return WcfJson(_group(require_group(request, group_id)))


@router.delete("/List/{list_id:int}/Group/{group_id:int}")
def delete_group(request: Request, list_id: int, group_id: int) -> Response:
    """Delete a group; refused if `Deletable` is false."""
    require_list(request, list_id)
    if not require_group(request, group_id)["deletable"]:
        raise ApiError(400, "The group cannot be deleted")
    store: Store = request.app.state.store
    with store.writing() as connection:
        connection.execute("DELETE FROM grp WHERE id = ?", (group_id,))
        connection.execute("DELETE FROM membership WHERE group_id = ?", (group_id,))
    return empty()


@router.delete("/List/{list_id:int}/Group/{group_id:int}/Recipients")
def empty_group(request: Request, list_id: int, group_id: int) -> Response:
    """Remove all members of a group, and answer their number; their status is kept."""
    require_list(request, list_id)
    require_group(request, group_id)
    store: Store = request.app.state.store
    with store.writing() as connection:
        sql = "DELETE FROM membership WHERE group_id = ?"
        removed = connection.execute(sql, (group_id,)).rowcount
    return WcfJson({"Removed": removed})


@router.get("/Recipient/DynamicFields")
def dynamic_fields(request: Request) -> Response:
    """Dynamic fields; without paging only the 20 with the highest ids."""
    return page(request, Query(FIELDS, "field f WHERE 1", order="f.id DESC"), whole(FIELDS))
