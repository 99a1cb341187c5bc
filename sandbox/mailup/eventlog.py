"""The event log: one row per event; all statistics are counted from it.

Kinds: SNT sent, OPN opened, CLK clicked (detail: the link), NCO bounced (detail: the code),
UNS unsubscribed (status: the type, detail: the subtype), SUB subscribed, SMS a state of an SMS
(status 0 delivered, 1 queued, 2 error; detail: the error code).
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import polars as pl

from sandbox.mailup.statuses import Cause
from sandbox.mailup.store import Store

Kind = Literal["SNT", "OPN", "CLK", "NCO", "UNS", "SUB", "SMS"]
BATCH = 50_000
MOMENT = pl.Datetime("us", "UTC")
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.Int64, "kind": pl.String, "at": MOMENT, "registered": MOMENT, "list_id": pl.Int64,
    "message_id": pl.Int64, "sending_id": pl.Int64, "sent_at": MOMENT, "subject": pl.String,
    "recipient_id": pl.Int64, "email": pl.String, "number": pl.String, "detail": pl.String,
    "status": pl.Int64,
}  # fmt: skip
SELECT = """
SELECT e.id, e.kind, e.at, e.registered, e.list_id, e.message_id, e.sending_id,
    unixepoch(h.started) AS sent_at, m.subject, e.recipient_id, r.email, r.number_key AS number,
    d.text AS detail, e.status
FROM event e JOIN detail d ON d.id = e.detail_id LEFT JOIN recipient r ON r.id = e.recipient_id
    LEFT JOIN message m ON m.id = e.message_id LEFT JOIN history h ON h.id = e.sending_id
"""


class Event(NamedTuple):
    """One event; times are seconds since 1970 UTC."""

    registered: int
    at: int
    kind: Kind
    list_id: int
    message_id: int | None
    sending_id: int | None
    recipient_id: int
    detail: str = ""
    status: int | None = None


@dataclass(frozen=True)
class Selection:
    """A selection of events by list, message and kind, registered in `[since, until)`."""

    since: int = 0
    until: int = 2**62
    list_id: int | None = None
    message_id: int | None = None
    kind: str | None = None


def write(connection: sqlite3.Connection, events: Iterable[Event]) -> int:
    """Add events inside the caller's transaction; returns their number."""
    known = {str(row[1]): int(row[0]) for row in connection.execute("SELECT id, text FROM detail")}

    def number(text: str) -> int:
        if text not in known:
            cursor = connection.execute("INSERT INTO detail (text) VALUES (?)", (text,))
            known[text] = cursor.lastrowid or 0
        return known[text]

    return connection.executemany(
        "INSERT INTO event (registered, at, kind, list_id, message_id, sending_id, recipient_id, "
        "detail_id, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((*event[:7], number(event.detail), event.status) for event in events),
    ).rowcount


def unsubscribed(at: int, registered: int, list_id: int, who: int, cause: Cause) -> Event:
    """The event of an unsubscription."""
    return Event(
        registered, at, "UNS", list_id, cause.message, None, who, str(cause.subtype), cause.type
    )


def frames(store: Store, selection: Selection) -> Iterator[pl.DataFrame]:
    """The selected events with the columns `COLUMNS`, by registration, in batches."""
    wanted = {"list_id": selection.list_id, "message_id": selection.message_id,
              "kind": selection.kind}  # fmt: skip
    given = {name: value for name, value in wanted.items() if value is not None}
    narrowed = "".join(f" AND e.{name} = :{name}" for name in given)
    sql = (
        f"{SELECT} WHERE e.registered >= :since AND e.registered < :until{narrowed} "
        "ORDER BY e.registered, e.id"
    )
    bounds = {"since": selection.since, "until": selection.until}
    for rows in store.batches(sql, given | bounds, BATCH):
        yield _frame(rows)


def frame(store: Store, selection: Selection) -> pl.DataFrame:
    """The selected events as one frame."""
    return pl.concat([_frame([]), *frames(store, selection)])


def _frame(rows: list[sqlite3.Row]) -> pl.DataFrame:
    columns = []
    for index, (name, dtype) in enumerate(COLUMNS.items()):
        values = [row[index] for row in rows]
        if dtype == MOMENT:
            columns.append((pl.Series(name, values, dtype=pl.Int64) * 1_000_000).cast(MOMENT))
        else:
            columns.append(pl.Series(name, values, dtype=dtype))
    return pl.DataFrame(columns)
