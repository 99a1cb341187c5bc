"""Bodies of batches that are kept for a limited time in the ledger's storage.

A batch that is sent again overwrites newer values that a later batch to the same list has brought.
While a batch is open, and so may be sent again, the bodies of later batches to its list are
therefore kept, to be sent once more after it. They are personal data: they are deleted when no
earlier batch is open, and after KEPT_DAYS at the latest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, insert, select

from blocks.ledger.store import Store, naive_utc_now
from blocks.ledger.tables import batches, bodies, files

KIND = "bodies"
"""Folder of the ledger's storage."""
KEPT_DAYS = 30
AWAITED_HOURS = 24
"""How long a run that was taken over may still continue after a standstill, and send its batch."""
_SENT = ("submitted", "reported", "refused")
"""States of files that are not sent any more."""

_open = batches.alias("open")
_LATER = select(batches.c.id, batches.c.target, batches.c.state, bodies.c.stored).join(
    bodies, bodies.c.batch_id == batches.c.id
)


@dataclass(frozen=True)
class Later:
    """A batch that was sent to a list after another one; `stored` is the name of its body.

    If its `state` is sending, the body may not be stored yet: then it has not been sent.
    """

    id: int
    target: dict[str, Any]
    state: str
    stored: str


def planned(connection: Connection, row: Row[Any], *, always: bool) -> str:
    """Record that a new batch's body is kept, if necessary; returns its name, or ""."""
    mine = (_open.c.account.in_((row.account, ""))) & (_open.c.list_id == row.list_id)
    others = _is_open(mine & (_open.c.file_id != row.file_id))
    if not always and not connection.execute(select(others)).scalar():
        return ""
    stored = f"{KIND}/{row.id}-{uuid4().hex}.json"
    connection.execute(
        insert(bodies).values(batch_id=row.id, stored=stored, kept_at=naive_utc_now())
    )
    return stored


def _is_open(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is such a batch that may still be sent again."""
    unproven = _open.c.state == "sending"
    unfinished = (_open.c.state == "accepted") & (_open.c.again > 0)
    waiting = (files.c.attempt == _open.c.attempt) & files.c.state.not_in(_SENT)
    # The run that it was taken over from may continue after a standstill and send it.
    awaited = _open.c.taken_at > naive_utc_now() - timedelta(hours=AWAITED_HOURS)
    is_open = (unproven | unfinished) & waiting
    return exists().where(which, files.c.id == _open.c.file_id, is_open | awaited)


def names(connection: Connection, batch_ids: Sequence[int]) -> dict[int, str]:
    """The names of kept bodies, by batch id."""
    if not batch_ids:
        return {}
    rows = connection.execute(
        select(bodies.c.batch_id, bodies.c.stored).where(bodies.c.batch_id.in_(batch_ids))
    )
    return {row.batch_id: row.stored for row in rows}


def later_within(connection: Connection, account: str, list_id: int, after: int) -> list[Later]:
    """Batches to a list after `after` whose bodies are kept, of any file, in sending order."""
    rows = connection.execute(
        _LATER.where(
            batches.c.account == account, batches.c.list_id == list_id, batches.c.id > after
        ).order_by(batches.c.id)
    )
    return [Later(row.id, dict(row.target), row.state, row.stored) for row in rows]


def later(store: Store, account: str, list_id: int, after: int) -> list[Later]:
    """The same in a transaction of its own."""
    with store.transaction() as connection:
        return later_within(connection, account, list_id, after)


def unknown_later(store: Store, file_id: int, account: str, list_id: int, after: int) -> int:
    """How many later batches of other files to a list have no kept body."""
    other = (batches.c.account == account) & (batches.c.file_id != file_id)
    lacking = ~exists().where(bodies.c.batch_id == batches.c.id)
    with store.transaction() as connection:
        found = connection.execute(
            select(batches.c.id).where(
                other, batches.c.list_id == list_id, batches.c.id > after, lacking
            )
        )
        return len(found.all())


def outdated(store: Store, account: str) -> list[Later]:
    """Bodies of an account's batches that are no longer needed, and all that are too old."""
    before = (
        (_open.c.account.in_((batches.c.account, "")))
        & (_open.c.list_id == batches.c.list_id)
        & (_open.c.id <= batches.c.id)
    )
    too_old = bodies.c.kept_at < naive_utc_now() - timedelta(days=KEPT_DAYS)
    unneeded = (batches.c.account == account) & ~_is_open(before)
    with store.transaction() as connection:
        rows = connection.execute(_LATER.where(too_old | unneeded))
        return [Later(row.id, dict(row.target), row.state, row.stored) for row in rows]


def of_client(store: Store, client: str) -> list[Later]:
    """All kept bodies of a client's batches."""
    with store.transaction() as connection:
        rows = connection.execute(
            _LATER.join(files, files.c.id == batches.c.file_id).where(files.c.client == client)
        )
        return [Later(row.id, dict(row.target), row.state, row.stored) for row in rows]


def removed(store: Store, batch_id: int) -> None:
    """Record that a body was deleted from the storage."""
    with store.transaction() as connection:
        connection.execute(delete(bodies).where(bodies.c.batch_id == batch_id))
