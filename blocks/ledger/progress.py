"""Queries of the watcher: when a function of a client last succeeded, and whether it is running.

A function is found by the kind with which its streams' names begin: a list that is added to the
agreement makes a new stream, which must not look like a function that never ran.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Table, func, select

from blocks.ledger.leases import alive
from blocks.ledger.store import Store
from blocks.ledger.tables import exports, files, journal, leases

SEEN_AGAIN = "seen_again"
"""Journal step for a file whose content was already imported."""


def last_import(store: Store, client: str) -> datetime | None:
    """When (UTC) a file of the client was last imported, or arrived again with the same content."""
    imported = select(func.max(files.c.changed_at)).where(
        files.c.client == client, files.c.state.in_(("submitted", "reported"))
    )
    again = select(func.max(journal.c.at)).where(
        journal.c.client == client, journal.c.step == SEEN_AGAIN
    )
    with store.transaction() as connection:
        moments = [connection.execute(each).scalar() for each in (imported, again)]
    known = [moment for moment in moments if moment is not None]
    return _aware(max(known)) if known else None


def last_delivery(store: Store, client: str, kind: str) -> datetime | None:
    """When (UTC) a window of this kind of export was last delivered."""
    wanted = select(func.max(exports.c.changed_at)).where(
        *_streams(exports, client, kind), exports.c.state == "delivered"
    )
    with store.transaction() as connection:
        return _aware(connection.execute(wanted).scalar())


def last_hold(store: Store, client: str) -> datetime | None:
    """When (UTC) the latest of the client's files that are still held was held."""
    wanted = select(func.max(files.c.changed_at)).where(
        files.c.client == client, files.c.state == "held"
    )
    with store.transaction() as connection:
        return _aware(connection.execute(wanted).scalar())


def is_running(store: Store, client: str, kind: str) -> bool:
    """Whether a run holds a valid lease of this function."""
    name = leases.c.name.startswith(f"client/{client}/{kind}:", autoescape=True)
    with store.transaction() as connection:
        working = select(leases.c.name).where(name, alive(connection))
        return connection.execute(working).first() is not None


def _streams(table: Table, client: str, kind: str) -> tuple[ColumnElement[bool], ...]:
    return (table.c.client == client, table.c.stream.startswith(f"{kind}:", autoescape=True))


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


@dataclass(frozen=True)
class LastFile:
    """A client's newest file, or the newest delivery to it; `at` is UTC, `state` the ledger's."""

    name: str
    state: str
    at: datetime
    counts: dict[str, int]


def last_file(store: Store, client: str, kind: str) -> LastFile | None:
    """What was done last for a function of a client, by the kind of its streams."""
    table = files if kind == "import" else exports
    newest = (
        select(table)
        .where(*_streams(table, client, kind))
        .order_by(table.c.changed_at.desc())
        .limit(1)
    )
    with store.transaction() as connection:
        row = connection.execute(newest).first()
    if row is None:
        return None
    at = row.changed_at.replace(tzinfo=UTC)
    if kind == "import":
        return LastFile(row.name, row.state, at, dict(row.counts or {}))
    return LastFile(row.file_name, row.state, at, {"rows": row.rows})
