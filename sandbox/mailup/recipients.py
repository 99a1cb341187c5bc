"""Read recipients: by status, with subscription details, and across the account."""

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.mailup.filters import Column, Columns, unquoted
from sandbox.mailup.lists import GROUPS, require_group, require_list
from sandbox.mailup.paging import Query, bounds, envelope, page, parameter, whole
from sandbox.mailup.rules import Channel
from sandbox.mailup.settings import CONSOLE, Settings
from sandbox.mailup.store import Store
from sandbox.mailup.wire import ApiError, WcfJson

STATUS_SQL = (
    "CASE b.status WHEN 'subscribed' THEN 'OPTIN' WHEN 'unsubscribed' THEN 'OPTOUT' "
    "ELSE 'PENDING' END"
)
STATUSES = {"subscribed": "OPTIN", "unsubscribed": "OPTOUT", "pending": "PENDING"}
PERSON = {
    "Email": Column("r.email", ignores_case=True),
    "MobileNumber": Column("r.number"),
    "MobilePrefix": Column("r.prefix"),
    "Name": Column("r.name"),
    "idRecipient": Column("r.id", "number"),
    "Fields": Column("r.fields"),
}
# The same id, from the table whose index a walk through a list uses.
MEMBER = {"idRecipient": Column("b.recipient_id", "number")}
DETAILS = {
    "Optin_Date": Column("b.optin_date"),
    "Optin_Request_Date": Column("b.optin_request_date"),
    "Optin_Request_IP": Column("b.optin_request_ip"),
    "Optout_Date": Column("b.optout_date"),
    "Optout_MsgID": Column("b.optout_message", "number"),
    "Optout_Subtype": Column("b.optout_subtype", "number"),
    "Optout_Type": Column("b.optout_type", "number"),
    "Status": Column(STATUS_SQL),
    **MEMBER,
}
EMAIL_OPTINS = {"Email": PERSON["Email"], **DETAILS}
SMS_OPTINS = {
    "MobileNumber": PERSON["MobileNumber"],
    "MobilePrefix": PERSON["MobilePrefix"],
    **DETAILS,
}

router = APIRouter(prefix=CONSOLE + "/Console")


def descriptions(store: Store) -> dict[str, str]:
    """Names of the dynamic fields by id as text."""
    return {str(row["id"]): row["description"] for row in store.rows("SELECT * FROM field")}


def person_columns(names: dict[str, str]) -> Columns:
    """The properties of a recipient, including `Fields['name']`."""
    fields = {
        f"Fields['{name}']": Column(f"coalesce(json_extract(r.fields, '$.\"{number}\"'), '')")
        for number, name in names.items()
    }
    return PERSON | fields


def person(row: Any, names: dict[str, str]) -> dict[str, Any]:
    """A recipient in MailUp's format: all fields, empty ones as ""."""
    values = json.loads(row["Fields"])
    return {
        "Email": row["Email"],
        "Fields": [
            {"Description": name, "Id": int(number), "Value": values.get(number, "")}
            for number, name in names.items()
        ],
        "MobileNumber": row["MobileNumber"],
        "MobilePrefix": row["MobilePrefix"],
        "Name": row["Name"],
        "idRecipient": row["idRecipient"],
    }


def find_person(store: Store, where: str, value: Any) -> Any:
    """The row of one recipient under the names of `PERSON`, or None. `where` is our own SQL."""
    columns = ", ".join(f'{c.sql} AS "{name}"' for name, c in PERSON.items())
    sql = f"SELECT {columns} FROM recipient r WHERE {where} = ?"  # noqa: S608 - own names
    return store.row(sql, (value,))


def require_person(request: Request, recipient_id: int) -> Any:
    """The row of a recipient; ApiError 404 when there is none."""
    row = find_person(request.app.state.store, "r.id", recipient_id)
    if row is None:
        raise ApiError(404, "The recipient does not exist")
    return row


def _narrowed(request: Request, source: str) -> tuple[str, tuple[int, ...]]:
    """`?Groups=ID` keeps the members of one group."""
    group = (parameter(request, "Groups") or "").strip('"')
    if not group:
        return source, ()
    if not group.isdigit():
        raise ApiError(400, "Parameter 'Groups' must be the id of a group")
    members = "(SELECT recipient_id FROM membership WHERE group_id = ?)"
    return f"{source} AND b.recipient_id IN {members}", (int(group),)


SUBSCRIPTIONS = (
    "subscription b CROSS JOIN recipient r ON r.id = b.recipient_id "
    "WHERE b.list_id = ? AND b.channel = ?"
)


def _by_status(request: Request, list_id: int, channel: Channel, status: str) -> Response:
    require_list(request, list_id)
    names = descriptions(request.app.state.store)
    source, extra = _narrowed(request, SUBSCRIPTIONS + " AND b.status = ?")
    parameters = (list_id, channel, status, *extra)
    columns = person_columns(names) | MEMBER
    query = Query(columns, source, parameters, keys=("b.recipient_id",))
    return page(request, query, lambda row: person(row, names))


def _optins(request: Request, list_id: int, channel: Channel, columns: Columns) -> Response:
    require_list(request, list_id)
    source, extra = _narrowed(request, SUBSCRIPTIONS)
    query = Query(columns, source, (list_id, channel, *extra), keys=("b.recipient_id",))
    return page(request, query, whole(columns))


@router.get("/List/{list_id:int}/Recipients/Subscribed")
def subscribed(request: Request, list_id: int) -> Response:
    """Subscribed by e-mail."""
    return _by_status(request, list_id, "email", "subscribed")


@router.get("/List/{list_id:int}/Recipients/Unsubscribed")
def unsubscribed(request: Request, list_id: int) -> Response:
    """Unsubscribed by e-mail, whatever the cause."""
    return _by_status(request, list_id, "email", "unsubscribed")


@router.get("/List/{list_id:int}/Recipients/Pending")
def pending(request: Request, list_id: int) -> Response:
    """Asked for confirmation by e-mail."""
    return _by_status(request, list_id, "email", "pending")


@router.get("/List/{list_id:int}/Recipients/EmailOptins")
def email_optins(request: Request, list_id: int) -> Response:
    """Subscription details of all recipients of the list, in all states."""
    return _optins(request, list_id, "email", EMAIL_OPTINS)


@router.get("/Sms/List/{list_id:int}/Recipients/Subscribed")
def sms_subscribed(request: Request, list_id: int) -> Response:
    """Subscribed by SMS."""
    return _by_status(request, list_id, "sms", "subscribed")


@router.get("/Sms/List/{list_id:int}/Recipients/Unsubscribed")
def sms_unsubscribed(request: Request, list_id: int) -> Response:
    """Unsubscribed by SMS."""
    return _by_status(request, list_id, "sms", "unsubscribed")


@router.get("/Sms/List/{list_id:int}/Recipients/Pending")
def sms_pending(request: Request, list_id: int) -> Response:
    """Asked for confirmation by SMS."""
    return _by_status(request, list_id, "sms", "pending")


@router.get("/Sms/List/{list_id:int}/Recipients/SmsOptins")
def sms_optins(request: Request, list_id: int) -> Response:
    """Subscription details of the SMS channel."""
    return _optins(request, list_id, "sms", SMS_OPTINS)


@router.get("/Group/{group_id:int}/Recipients")
def group_members(request: Request, group_id: int) -> Response:
    """The members of a group, whatever their status."""
    require_group(request, group_id)
    names = descriptions(request.app.state.store)
    source = "membership m CROSS JOIN recipient r ON r.id = m.recipient_id WHERE m.group_id = ?"
    columns = person_columns(names) | {"idRecipient": Column("m.recipient_id", "number")}
    query = Query(columns, source, (group_id,), keys=("m.recipient_id",))
    return page(request, query, lambda row: person(row, names))


@router.get("/List/{list_id:int}/Recipient/{recipient_id:int}/Groups")
def groups_of(request: Request, list_id: int, recipient_id: int) -> Response:
    """The groups of a list that one recipient is in."""
    require_list(request, list_id)
    source = (
        "grp g JOIN membership m ON m.group_id = g.id WHERE g.list_id = ? AND m.recipient_id = ?"
    )
    return page(request, Query(GROUPS, source, (list_id, recipient_id), "g.id"), whole(GROUPS))


def _with_states(store: Store, row: Any) -> dict[str, Any]:
    """A recipient with its states. Chosen: `Subscriptions`; the real key was not seen."""
    states = store.rows(
        "SELECT * FROM subscription WHERE recipient_id = ? ORDER BY list_id, channel",
        (row["idRecipient"],),
    )
    found = person(row, descriptions(store))
    found["Subscriptions"] = [
        {
            "Channel": state["channel"].upper(),
            "IdList": state["list_id"],
            "Status": STATUSES[state["status"]],
        }
        for state in states
    ]
    return found


@router.get("/Recipients")
def search(request: Request) -> Response:
    """Look-up across all lists by `email` or `mobile` (value in double quotes or not).

    Chosen: the variants of filters apply.
    """
    store: Store = request.app.state.store
    settings: Settings = request.app.state.settings
    number, size = bounds(request, settings)
    email, mobile = parameter(request, "email"), parameter(request, "mobile")
    if settings.filters == "refused":
        raise ApiError(400, "This resource cannot be searched")
    if settings.filters == "ignored":
        query = Query(person_columns({}), "recipient r WHERE 1", keys=("r.id",))
        return page(request, query, lambda row: _with_states(store, row))
    if email:
        row = find_person(store, "r.email", unquoted(email).strip())
    elif mobile:
        digits = unquoted(mobile).strip().removeprefix("+").removeprefix("00")
        row = find_person(store, "r.number_key", digits)
    else:
        raise ApiError(400, "Parameter 'email' or 'mobile' is missing")
    items = [_with_states(store, row)] if row else []
    return envelope(request, items if number == 0 else [], number, size, len(items))


@router.get("/Recipients/{recipient_id:int}")
def recipient(request: Request, recipient_id: int) -> Response:
    """One recipient by id, with its states."""
    row = require_person(request, recipient_id)
    return WcfJson(_with_states(request.app.state.store, row))
