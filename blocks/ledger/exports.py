"""Windows of exports, rendered and delivered.

    rendered --the file is on the client's server--> delivered

A `rendered` window is delivered, with its staged file and name, before a new one begins. The end
of the newest delivered window is the stream's watermark.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, insert, select, update

from blocks.ledger import journal
from blocks.ledger.store import Store, naive_utc_now
from blocks.ledger.tables import exports

ExportState = Literal["rendered", "delivered"]


@dataclass(frozen=True)
class ExportEntry:
    """One window of a stream. Times are UTC; the window is half-open; `window_start` is None for
    the first one. `staged` and `snapshot` are names in the ledger's storage; `file_name` is empty
    if there was nothing to deliver.
    """

    number: int
    state: ExportState
    window_start: datetime | None
    window_end: datetime
    file_name: str
    rows: int
    bytes: int
    sha256: str
    staged: str
    snapshot: str


def newest(store: Store, client: str, stream: str) -> ExportEntry | None:
    """The newest window of a stream; None before the first one."""
    with store.transaction() as connection:
        row = connection.execute(
            select(exports)
            .where(exports.c.client == client, exports.c.stream == stream)
            .order_by(exports.c.number.desc())
            .limit(1)
        ).first()
    return _entry(row) if row else None


def rendered(
    store: Store, client: str, stream: str, entry: ExportEntry, *, agreement: str, run: str
) -> None:
    """Add a window whose file is staged; it will be delivered, and not rendered again."""
    with store.transaction() as connection:
        connection.execute(
            insert(exports).values(
                client=client, stream=stream, number=entry.number, state="rendered",
                window_start=entry.window_start, window_end=entry.window_end,
                file_name=entry.file_name, rows=entry.rows, bytes=entry.bytes,
                sha256=entry.sha256, staged=entry.staged, snapshot=entry.snapshot,
                agreement=agreement, run=run, changed_at=naive_utc_now(),
            )
        )  # fmt: skip
        detail = {
            "number": entry.number,
            "rows": entry.rows,
            "bytes": entry.bytes,
            "sha256": entry.sha256,
        }
        journal.write(connection, client, stream, "window_rendered", detail=detail, run=run)


def delivered(store: Store, client: str, stream: str, number: int) -> None:
    """Mark a window as delivered: the watermark moves to its end."""
    detail = {"number": number}
    with store.transaction() as connection:
        moved = connection.execute(
            update(exports)
            .where(
                exports.c.client == client,
                exports.c.stream == stream,
                exports.c.number == number,
                exports.c.state != "delivered",
            )
            .values(state="delivered", changed_at=naive_utc_now())
        )
        if moved.rowcount:
            journal.write(
                connection, client, stream, "window_delivered", detail=detail, run=store.run
            )


def outdated(store: Store, client: str, stream: str, number: int) -> list[str]:
    """Stored files that are no longer needed once window `number` is delivered.

    These are the file of the previous window, and the snapshot of the one before that, unless a
    later window refers to it.
    """
    near = exports.c.number.between(number - 2, number)
    with store.transaction() as connection:
        rows = connection.execute(
            select(exports.c.number, exports.c.staged, exports.c.snapshot).where(
                exports.c.client == client, exports.c.stream == stream, near
            )
        )
        names = {row.number: row for row in rows}
    before, oldest = names.get(number - 1), names.get(number - 2)
    found = [before.staged] if before else []
    if oldest and oldest.snapshot not in {row.snapshot for row in names.values() if row != oldest}:
        found.append(oldest.snapshot)
    return list(filter(None, found))


def _entry(row: Row[Any]) -> ExportEntry:
    return ExportEntry(
        row.number, row.state, row.window_start, row.window_end, row.file_name, row.rows,
        row.bytes, row.sha256, row.staged, row.snapshot,
    )  # fmt: skip
