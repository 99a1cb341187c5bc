"""The page at /: account, lists, messages, imports and calls, as HTML without assets."""

import json
import time
from collections.abc import Callable
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from sandbox.mailup.clock import seconds, utc_form
from sandbox.mailup.page_style import STYLE
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import present, settle
from sandbox.mailup.worker import counters_of

REFRESH_SECONDS = 3
SHOWN_RECIPIENTS, SHOWN_MESSAGES, SHOWN_IMPORTS, SHOWN_CALLS = 100, 10, 10, 10
EVENT_KINDS = ("SNT", "OPN", "CLK", "NCO", "UNS", "SMS")
STATES = {1: "waiting", 2: "running", 3: "completed", 4: "failed"}
CAUSES = {0: "by hand", 2: "link", 4: "import", 8: "bounce", 16: "complaint",
          32: "unsubscribe button", 64: "unsubscribe mail"}  # fmt: skip

router = APIRouter()


@router.get("/")
def page(request: Request) -> HTMLResponse:
    """Account, lists, messages, imports, last calls, recipients of `?list=` (searched: `?q=`)."""
    state = request.app.state
    store: Store = state.store
    given = request.query_params.get("list", "")
    list_id = int(given) if given.isdecimal() else 1
    search = request.query_params.get("q", "")
    parts = [
        _lists(store, state.counts.of(store), list_id),
        _messages(store, state.event_counts.of(store)),
        _imports(store),
        _calls(state.gate.log),
        _recipients(store, list_id, search),
    ]
    title = f"MailUp sandbox · account {escape(state.settings.username)}"
    refresh = "" if search else f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
    settle(store, state.settings.zone)
    moment = present(store).strftime("%Y-%m-%d %H:%M:%S UTC")
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}'
        f"<title>{title}</title><style>{STYLE}</style></head><body><header><h1>{title}</h1>"
        f"<p>An emulator: nothing leaves this machine. {moment}</p></header>"
        f"<main>{''.join(parts)}</main></body></html>"
    )


def _table(heads: str, rows: list[list[Any]], empty: str) -> str:
    """A table; cells are text, or tuples (text, class). Heads with a leading # are numbers."""
    names = heads.split("|")
    numeric = [name.startswith("#") for name in names]
    head = "".join(
        f"<th{_class(n)}>{escape(h.lstrip('#'))}</th>" for h, n in zip(names, numeric, strict=True)
    )
    if not rows:
        return f'<p class="none">{escape(empty)}</p>'
    body = "".join(
        "<tr>" + "".join(_cell(cell, n) for cell, n in zip(row, numeric, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _class(numeric: bool) -> str:
    return ' class="n"' if numeric else ""


def _cell(cell: Any, numeric: bool) -> str:
    if isinstance(cell, tuple):
        text, kind = cell
        return f'<td><span class="chip {escape(kind)}">{escape(str(text))}</span></td>'
    text = f"{cell:,}" if numeric and isinstance(cell, int) else str("" if cell is None else cell)
    return f"<td{_class(numeric)}>{escape(text)}</td>"


def people(store: Store) -> dict[tuple[Any, ...], int]:
    """People by list, channel and status."""
    rows = store.rows(
        "SELECT list_id, channel, status, count(*) FROM subscription GROUP BY 1, 2, 3"
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def events(store: Store) -> dict[tuple[Any, ...], int]:
    """Events up to the clock, by message and kind."""
    rows = store.rows(
        "SELECT message_id, kind, count(*) FROM event WHERE registered <= ? "
        "AND message_id IS NOT NULL GROUP BY 1, 2",
        (seconds(present(store)),),
    )
    return {(row[0], row[1]): row[2] for row in rows}


class Counts:
    """Cached results of `count`, which is slow with millions of rows."""

    def __init__(self, count: Callable[[Store], dict[tuple[Any, ...], int]]) -> None:
        self._count = count
        self._counts: dict[tuple[Any, ...], int] = {}
        self._good_until = 0.0

    def of(self, store: Store) -> dict[tuple[Any, ...], int]:
        """The counts; their age is at most twenty times the duration of counting."""
        begun = time.monotonic()
        if begun >= self._good_until:
            self._counts = self._count(store)
            ended = time.monotonic()
            self._good_until = ended + 20 * (ended - begun)
        return self._counts


def _lists(store: Store, counts: dict[tuple[Any, ...], int], chosen: int) -> str:
    cards = []
    for row in store.rows("SELECT * FROM list ORDER BY id"):
        figures = "".join(
            f"<div><b>{counts.get((row['id'], channel, status), 0):,}</b>{status} {label}</div>"
            for channel, label in (("email", ""), ("sms", "(SMS)"))
            for status in ("subscribed", "unsubscribed", "pending")
            if channel == "email" or counts.get((row["id"], channel, status))
        )
        here = " here" if row["id"] == chosen else ""
        cards.append(
            f'<a class="card{here}" href="/?list={row["id"]}"><h3>{escape(row["name"])}</h3>'
            f"<small>list {row['id']} · {escape(row['description'])}</small>"
            f'<div class="figures">{figures}</div></a>'
        )
    return f'<section><h2>Lists</h2><div class="cards">{"".join(cards)}</div></section>'


def _messages(store: Store, counts: dict[tuple[Any, ...], int]) -> str:
    """The last messages sent up to the clock, with their events."""
    found = store.rows(
        "SELECT m.*, max(h.started) AS sent FROM message m JOIN history h ON h.message_id = m.id "
        "WHERE h.started <= ? GROUP BY m.id ORDER BY sent DESC, m.id DESC LIMIT ?",
        (utc_form(present(store)), SHOWN_MESSAGES),
    )
    rows = [
        [row["id"], row["list_id"], row["channel"], row["subject"], row["sent"],
         *(counts.get((row["id"], kind), 0) for kind in EVENT_KINDS)]
        for row in found
    ]  # fmt: skip
    heads = "#Message|#List|Channel|Subject|Sent|#Sent|#Opens|#Clicks|#Bounces|#Left|#SMS states"
    return f"<section><h2>Messages</h2>{_table(heads, rows, 'No message yet.')}</section>"


def _imports(store: Store) -> str:
    rows = []
    for row in store.rows("SELECT * FROM import ORDER BY id DESC LIMIT ?", (SHOWN_IMPORTS,)):
        counters = counters_of(row)
        state = STATES[row["status"]]
        figures = [counters.Total, counters.New, counters.Update]
        repeated = counters.RepeatedEmail + counters.RepeatedNumber
        rows.append(
            [row["id"], row["list_id"], row["group_id"], row["channel"], _flags(row["flags"]),
             (state, state), *figures, counters.invalid(row["channel"]), repeated, row["ended"]]
        )  # fmt: skip
    heads = "#Import|#List|#Group|Channel|Flags|State|#Rows|#New|#Updated|#Invalid|#Repeated|Ended"
    return f"<section><h2>Imports</h2>{_table(heads, rows, 'No import yet.')}</section>"


def _flags(text: str) -> str:
    flags = json.loads(text)
    named = [
        name for name in ("confirm", "clear", "replace_groups", "ignore_mobile") if flags[name]
    ]
    return ", ".join(filter(None, [flags["import_type"], *named])) or "default"


def _recipients(store: Store, list_id: int, search: str) -> str:
    found = store.rows(
        "SELECT r.*, b.channel, b.status, b.optout_type, b.optin_date, b.optout_date "
        "FROM subscription b JOIN recipient r ON r.id = b.recipient_id "
        "WHERE b.list_id = ? AND (? = '' OR instr(lower(coalesce(r.email, '') || ' ' || "
        "coalesce(r.number, '') || ' ' || r.fields), lower(?)) > 0) "
        "ORDER BY b.recipient_id DESC LIMIT ?",
        (list_id, search, search, SHOWN_RECIPIENTS),
    )
    rows = [_recipient(row) for row in found]
    heads = "Id|E-mail|Mobile|Channel|Status|Cause|Since|Nome|Cognome|Città"
    form = (
        f'<form><input type="hidden" name="list" value="{list_id}">'
        f'<input name="q" value="{escape(search)}" placeholder="search address, number, field">'
        f"<button>Search</button></form>"
    )
    table = _table(heads, rows, "Nobody found.")
    title = f"Recipients of list {list_id} <small>(newest {SHOWN_RECIPIENTS})</small>"
    return f"<section><h2>{title}</h2>{form}{table}</section>"


def _recipient(row: Any) -> list[Any]:
    fields = json.loads(row["fields"])
    mobile = f"{row['prefix'] or ''} {row['number'] or ''}".strip()
    since = row["optout_date"] or row["optin_date"]
    cause = CAUSES.get(row["optout_type"], row["optout_type"])
    return [
        row["id"], row["email"], mobile, row["channel"], (row["status"], row["status"]),
        cause, since[:16], fields.get("1"), fields.get("2"), fields.get("4"),
    ]  # fmt: skip


def _calls(log: Any) -> str:
    rows = []
    for call in list(log)[-SHOWN_CALLS:][::-1]:
        moment = time.strftime("%H:%M:%S", time.gmtime(call["time"]))
        kind = "completed" if call["status"] == 200 else "failed"
        path = call["path"].rpartition(".svc")[2] + (f"?{call['query']}" if call["query"] else "")
        status = (str(call["status"] or "no answer"), kind)
        rows.append([moment, call["method"], path, status, call["rows"], call["fault"]])
    table = _table("UTC|Method|Resource|Status|#Rows|Fault", rows, "No call yet.")
    return f"<section><h2>Last API calls</h2>{table}</section>"
