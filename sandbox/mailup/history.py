"""Control API: the clock, the event log, generated traffic and events of single recipients."""

import io
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import orjson
import polars as pl
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from sandbox.mailup import campaigns, eventlog
from sandbox.mailup.clock import local_form, parse, seconds
from sandbox.mailup.crowd import Plan
from sandbox.mailup.eventlog import Event, Selection
from sandbox.mailup.lists import json_object
from sandbox.mailup.rules import BOUNCED, COMPLAINED, LINK
from sandbox.mailup.statuses import Cause, set_unsubscribed
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import is_fixed, present, set_clock
from sandbox.mailup.wire import ApiError, WcfJson

CAUSES = {"unsubscribe": LINK, "bounce": BOUNCED, "complain": COMPLAINED}
TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
EVER = 2**62

router = APIRouter(prefix="/_sandbox")


def _clock(store: Store) -> Response:
    return WcfJson({"now": present(store).isoformat(), "fixed": is_fixed(store)})


@router.get("/clock")
def clock(request: Request) -> Response:
    """`{now, fixed}`: the emulator's time, and whether it is fixed."""
    return _clock(request.app.state.store)


@router.post("/clock")
async def change_clock(request: Request) -> Response:
    """`{"now": "2026-10-25T00:30:00Z"}` fixes the clock at that time; null lets it run."""
    body = await json_object(request)
    return await run_in_threadpool(_change_clock, request, body.get("now"))


def _change_clock(request: Request, text: str | None) -> Response:
    store: Store = request.app.state.store
    try:
        moment = parse(text) if text else None
        set_clock(store, moment, request.app.state.settings.zone)
    except ValueError as error:
        raise ApiError(400, str(error)) from None
    return _clock(store)


@router.post("/play")
async def play(request: Request) -> Response:
    """Generate a day of traffic: `{day, seed}` and the fields of `crowd.Plan`, all optional.

    The default day is yesterday; answers `{day, messages, events}`.
    """
    body = await json_object(request)
    return await run_in_threadpool(_play, request, body)


def _play(request: Request, body: dict[str, Any]) -> Response:
    store: Store = request.app.state.store
    zone = request.app.state.settings.zone
    try:
        yesterday = present(store).astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
        day = date.fromisoformat(body.pop("day")) if body.get("day") else yesterday
        seed = int(body.pop("seed", 1))
        played = campaigns.play_day(store, day, seed, Plan.read(body), zone)
    except (TypeError, ValueError) as error:
        raise ApiError(400, str(error)) from None
    answer = {"day": day.isoformat(), "messages": played.messages, "events": dict(played.events)}
    return WcfJson(answer)


@router.get("/events")
def events(
    request: Request, format: Literal["json", "csv", "parquet"] = "json", future: bool = False
) -> Response:
    """The event log by registration: `?list=&message=&kind=&since=&until=` (half-open, ISO).

    Only events up to the clock, unless `future=true`. The columns are `eventlog.COLUMNS`; in JSON
    and CSV times are ISO text in UTC.
    """
    found = eventlog.frame(request.app.state.store, _selection(request, future=future))
    if format == "parquet":
        buffer = io.BytesIO()
        found.write_parquet(buffer)
        return Response(buffer.getvalue(), media_type=TYPES[format])
    moments = [name for name, dtype in eventlog.COLUMNS.items() if dtype == eventlog.MOMENT]
    texts = found.with_columns(pl.col(moments).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if format == "csv":
        return Response(texts.write_csv(), media_type=TYPES[format])
    return Response(orjson.dumps(texts.to_dicts()), media_type="application/json")


def _selection(request: Request, *, future: bool) -> Selection:
    given = request.query_params
    seen = EVER if future else seconds(present(request.app.state.store)) + 1
    try:
        until = seconds(parse(given["until"])) if given.get("until") else EVER
        return Selection(
            since=seconds(parse(given["since"])) if given.get("since") else 0,
            until=min(until, seen),
            list_id=int(given["list"]) if given.get("list") else None,
            message_id=int(given["message"]) if given.get("message") else None,
            kind=given.get("kind"),
        )
    except ValueError:
        raise ApiError(400, "list and message are numbers, since and until ISO moments") from None


@router.post("/unsubscribe")
async def unsubscribe(request: Request) -> Response:
    """Unsubscribe by the link: `{list, email, when, message, type, subtype}`; the first two are
    required."""
    return await _happening(request, "unsubscribe")


@router.post("/bounce")
async def bounce(request: Request) -> Response:
    """A hard bounce: unsubscribes from the e-mail channel of all lists."""
    return await _happening(request, "bounce")


@router.post("/complain")
async def complain(request: Request) -> Response:
    """A spam complaint about one list."""
    return await _happening(request, "complain")


async def _happening(request: Request, what: str) -> Response:
    body = await json_object(request)
    return await run_in_threadpool(_happen, request, what, body)


def _happen(request: Request, what: str, body: dict[str, Any]) -> Response:
    """Change the status now; the event is registered now, even if `when` is earlier."""
    store: Store = request.app.state.store
    who = store.value("SELECT id FROM recipient WHERE email = ?", (str(body.get("email")),))
    if who is None:
        raise ApiError(404, "nobody has this address")
    registered = present(store)
    at = parse(body["when"]) if body.get("when") else registered
    cause = Cause(body.get("type", CAUSES[what]), body.get("subtype", 0), body.get("message"))
    lists = [int(body.get("list") or 0)]
    if what == "bounce":
        lists = [row["id"] for row in store.rows("SELECT id FROM list")]
    with store.writing() as connection:
        for list_id in lists:
            moment = local_form(at, request.app.state.settings.zone)
            set_unsubscribed(connection, list_id, who, moment, cause)
        eventlog.write(connection, [_event(at, registered, one, who, cause) for one in lists])
    return WcfJson({"idRecipient": who})


def _event(at: datetime, registered: datetime, list_id: int, who: int, cause: Cause) -> Event:
    return eventlog.unsubscribed(seconds(at), seconds(registered), list_id, who, cause)
