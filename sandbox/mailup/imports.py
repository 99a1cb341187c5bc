"""Asynchronous imports: the answer is a bare id; their status has counters, but no reasons.

Chosen: a confirmation sending exists once its import is completed.
"""

import json
import time
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sandbox.mailup.clock import NEVER
from sandbox.mailup.filters import Column
from sandbox.mailup.lists import require_group, require_list
from sandbox.mailup.paging import Query, flag, page, parameter
from sandbox.mailup.rules import Channel, Flags, known_import_type
from sandbox.mailup.settings import CONSOLE, Settings
from sandbox.mailup.staging import Counters
from sandbox.mailup.store import Store
from sandbox.mailup.wire import ApiError, WcfJson
from sandbox.mailup.worker import (
    COMPLETED,
    FAILED,
    NOT_STARTED,
    RUNNING,
    Worker,
    counters_of,
)

IMPORTS = {
    "IdImport": Column("i.id", "number"),
    "IdList": Column("i.list_id", "number"),
    "StatusCode": Column("i.status", "number"),
    "StartDate": Column("i.started"),
    "EndDate": Column("i.ended"),
    "group_id": Column("i.group_id", "number"),
    "channel": Column("i.channel"),
    "flags": Column("i.flags"),
    "counters": Column("i.counters"),
}
SUMMARY = ("Filename", "IdImport", "IdList", "StartDate", "StatusCode")
FLAGS = (
    "IgnoreDoubleQuotes", "IgnoreFirstRow", "ImportAsUnsubscribed", "IncludePendingRecipients",
    "OverwriteEmptyFields", "ReplaceExistingGroup", "SendConfirmationEmail",
)  # fmt: skip
FILE_NAMES = {"empty": "", "filled": "api-import.csv", "null": None}

router = APIRouter(prefix=CONSOLE + "/Console")


def flags_of(request: Request, channel: Channel) -> Flags:
    """The import flags of a call; ApiError 400 for contradictory ones."""
    sms_flags = ("ignoreMobile", "clearMissingOrEmptyFields", "removeFromPrevGroups")
    of_sms = [flag(request, name) for name in sms_flags]
    manner = request.app.state.settings.sms_flags if channel == "email" else "honoured"
    if any(of_sms) and manner == "refused":
        raise ApiError(400, f"{', '.join(sms_flags)} are parameters of SMS imports")
    ignore_mobile, clear, replace_groups = of_sms if manner == "honoured" else [False] * 3
    flags = Flags(
        channel=channel,
        import_type=known_import_type(parameter(request, "importType")),
        confirm=flag(request, "ConfirmEmail") or flag(request, "confirmMessage"),
        ignore_mobile=ignore_mobile,
        clear=clear,
        replace_groups=replace_groups,
    )
    if flags.confirm and flags.import_type == "asOptout":
        raise ApiError(400, "ConfirmEmail and importType=asOptout exclude each other")
    return flags


def _items(body: bytes) -> list[Any]:
    try:
        items = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ApiError(400, "The request body is not valid JSON") from None
    if not isinstance(items, list):
        raise ApiError(400, "The request body must be a JSON array of recipients")
    return items


def _accept(
    request: Request, body: bytes, list_id: int, group_id: int | None, channel: Channel
) -> Response:
    state = request.app.state
    flags, items = flags_of(request, channel), _items(body)
    request.scope["log_entry"]["rows"] = len(items)
    store: Store = state.store
    will_fail = _will_fail(store, state.settings)
    known = {"Total": len(items)} if state.settings.total_at_once else {}
    with store.writing() as connection:
        accepted = time.time()
        import_id = connection.execute(
            "INSERT INTO import (list_id, group_id, channel, flags, status, accepted, started, "
            "ended, counters) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (list_id, group_id, channel, json.dumps(flags.as_json()), NOT_STARTED, accepted,
             NEVER, NEVER, json.dumps(known)),
        ).lastrowid or 0  # fmt: skip
        key = (import_id, accepted)
        if will_fail:
            state.worker.set_failing(key)
        store.keep_body(key, body)
        state.worker.prepare(key, items)
    state.worker.wake()
    return WcfJson(import_id)


def _will_fail(store: Store, settings: Settings) -> bool:
    """Whether an import accepted now will fail; ApiError 400 if it is not accepted."""
    at_work = store.value("SELECT 1 FROM import WHERE status IN (?, ?)", (NOT_STARTED, RUNNING))
    if at_work and settings.concurrent_imports == "refused":
        raise _refusal(settings.import_refusal)
    if settings.failing_imports:
        settings.failing_imports -= 1
        return True
    return bool(at_work) and settings.concurrent_imports == "failed"


def _refusal(form: str) -> ApiError:
    """The error for an import that is refused because another one is running."""
    if form == "soap_code":
        return ApiError(400, "-601")
    if form == "other_words":
        return ApiError(400, "The request cannot be processed now")
    sentence = "Import error: another import process is running for this account"
    return ApiError(500 if form == "500" else 400, sentence)


async def _import_to_list(request: Request, list_id: int, channel: Channel) -> Response:
    body = await request.body()
    require_list(request, list_id)
    return await run_in_threadpool(_accept, request, body, list_id, None, channel)


async def _import_to_group(request: Request, group_id: int, channel: Channel) -> Response:
    body = await request.body()
    list_id = require_group(request, group_id)["list_id"]
    return await run_in_threadpool(_accept, request, body, list_id, group_id, channel)


@router.post("/List/{list_id:int}/Recipients")
async def import_to_list(request: Request, list_id: int) -> Response:
    """E-mail recipients into a list."""
    return await _import_to_list(request, list_id, "email")


@router.post("/Group/{group_id:int}/Recipients")
async def import_to_group(request: Request, group_id: int) -> Response:
    """E-mail recipients into a group and its list."""
    return await _import_to_group(request, group_id, "email")


@router.post("/Sms/List/{list_id:int}/Recipients")
async def import_sms_to_list(request: Request, list_id: int) -> Response:
    """SMS recipients into a list."""
    return await _import_to_list(request, list_id, "sms")


@router.post("/Sms/Group/{group_id:int}/Recipients")
async def import_sms_to_group(request: Request, group_id: int) -> Response:
    """SMS recipients into a group and its list."""
    return await _import_to_group(request, group_id, "sms")


def _require_import(request: Request, import_id: int) -> Any:
    store: Store = request.app.state.store
    row = store.row("SELECT * FROM import WHERE id = ?", (import_id,))
    settings: Settings = request.app.state.settings
    late = settings.import_shown == "late"
    if row is None or (late and row["accepted"] > time.time() - settings.late_seconds):
        raise ApiError(404, "The import does not exist")
    return row


def _counters(request: Request, row: Any, import_id: int) -> Counters:
    """The counters that are shown now."""
    settings: Settings = request.app.state.settings
    counters = counters_of(row)
    worker: Worker = request.app.state.worker
    if settings.import_counters == "late" and not worker.ended_before(
        import_id, settings.late_seconds
    ):
        return Counters(Total=counters.Total)
    return counters


@router.get("/Import/{import_id:int}")
def import_status(request: Request, import_id: int) -> Response:
    """The seven counters."""
    row = _require_import(request, import_id)
    counters = _counters(request, row, import_id)
    open_ended = request.app.state.settings.failed_import == "never_completed"
    ended = {COMPLETED} if open_ended else {COMPLETED, FAILED}
    invalid = counters.invalid(row["channel"])
    body = {
        "idImport": row["id"],
        "Completed": row["status"] in ended,
        "CreatedRecipients": counters.New,
        "ImportedRecipients": counters.New + counters.Update,
        "NotValidRecipients": invalid,
        "UpdatedRecipients": counters.Update,
        "ValidRecipients": counters.valid(row["channel"]),
    }
    return WcfJson(body)


def _detail(request: Request, row: Any) -> dict[str, Any]:
    settings: Settings = request.app.state.settings
    flags = Flags(**json.loads(row["flags"]))
    detail = {
        "EndDate": row["EndDate"],
        "FieldSeparator": "",
        "Filename": FILE_NAMES[settings.import_file_name],
        "IdGroups": [row["group_id"]] if row["group_id"] else [],
        "IdImport": row["IdImport"],
        "IdList": row["IdList"],
        "IgnoreDoubleQuotes": False,
        "IgnoreFirstRow": False,
        "ImportAsUnsubscribed": flags.import_type == "asOptout",
        "IncludePendingRecipients": False,
        "OverwriteEmptyFields": flags.clear,
        "ReplaceExistingGroup": flags.replace_groups,
        "Rows": _rows(_counters(request, row, row["IdImport"]), flags),
        "SendConfirmationEmail": flags.confirm,
        "StartDate": row["StartDate"],
        "StatusCode": row["StatusCode"],
        "StopDate": row["EndDate"],
        "TextDelimiter": "",
    }
    if settings.import_groups == "empty":
        detail["IdGroups"] = []
    left_out = {"IdGroups"} if settings.import_groups == "missing" else set()
    left_out |= set(FLAGS) if settings.import_flags == "missing" else set()
    detail = {key: value for key, value in detail.items() if key not in left_out}
    if settings.import_status_codes == "unknown":
        detail["StatusCode"] += 100
    elif settings.import_status_codes == "missing":
        del detail["StatusCode"]
    return detail


def _summary(request: Request, row: Any) -> dict[str, Any]:
    """Six fields; `Rows` is the number of rows."""
    detail = _detail(request, row)
    rows = {"Rows": detail["Rows"]["Total"]}
    return {key: value for key, value in detail.items() if key in SUMMARY} | rows


def _rows(counters: Counters, flags: Flags) -> dict[str, Any]:
    email = flags.channel == "email"
    return {
        "Invalid": {
            "InvalidEmail": counters.InvalidEmail + (0 if email else counters.Refused),
            "InvalidNumber": counters.InvalidNumber + (counters.Refused if email else 0),
            "Total": counters.invalid(flags.channel),
            "WithoutEmail": counters.WithoutEmail,
            "WithoutNumber": counters.WithoutNumber,
            "WithoutPrefix": counters.WithoutPrefix,
        },
        "Total": counters.Total,
        "Valid": {
            "EmailNew": counters.New if email else 0,
            "EmailUpdate": counters.Update if email else 0,
            "NumberNew": 0 if email else counters.New,
            "NumberUpdate": 0 if email else counters.Update,
            "RepeatedEmail": counters.RepeatedEmail,
            "RepeatedNumber": counters.RepeatedNumber,
            "Total": counters.valid(flags.channel),
        },
    }


@router.get("/Imports")
def imports(request: Request) -> Response:
    """All imports that are shown now, as summaries or with details."""
    settings: Settings = request.app.state.settings
    shown = time.time() - (0 if settings.import_shown == "at_once" else settings.late_seconds)
    order = "i.id" if settings.import_list_order == "oldest_first" else "i.id DESC"
    query = Query(IMPORTS, "import i WHERE i.accepted <= ?", (shown,), order)
    item = _detail if settings.import_list == "detail" else _summary
    return page(request, query, lambda row: item(request, row))


@router.get("/Imports/{import_id:int}")
def import_detail(request: Request, import_id: int) -> Response:
    """One import with details."""
    _require_import(request, import_id)
    store: Store = request.app.state.store
    columns = ", ".join(f'{c.sql} AS "{name}"' for name, c in IMPORTS.items())
    sql = f"SELECT {columns} FROM import i WHERE i.id = ?"  # noqa: S608 - own column names
    return WcfJson(_detail(request, store.row(sql, (import_id,))))
