"""Bodies of batches that are kept for a while: the ledger names them, the storage holds them.

A batch that is sent again brings its old values back for people whom a later batch to the same list
has brought newer ones. So while a batch is open, which may end like that, the bodies of later ones
to its list are kept, to be sent once more behind it. They are people's data: they are deleted as
soon as nothing before them is open, and after KEPT_DAYS in any case.
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
"""How long a run that was taken over is reckoned with to wake, and to send what it had begun."""
_SENT = ("submitted", "reported", "refused")
"""States of files of which nothing is sent any more."""

_open = batches.alias("open")
_LATER = select(batches.c.id, batches.c.target, batches.c.state, bodies.c.stored).join(
    bodies, bodies.c.batch_id == batches.c.id
)


@dataclass(frozen=True)
class Later:
    """A batch that was sent to a list later than another one; `stored` names its body.

    One whose `state` is sending may have no body in the storage yet: then it has not been sent.
    """

    id: int
    target: dict[str, Any]
    state: str
    stored: str


def planned(connection: Connection, row: Row[Any], *, always: bool) -> str:
    """Write down that a new batch's body is kept, where it has to be; its name, or ""."""
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
    """Whether there is a batch like that which may still be sent again."""
    unproven = _open.c.state == "sending"
    unfinished = (_open.c.state == "accepted") & (_open.c.again > 0)
    waiting = (files.c.attempt == _open.c.attempt) & files.c.state.not_in(_SENT)
    # The run that it was taken over from may only stand still, and send it when it wakes.
    awaited = _open.c.taken_at > naive_utc_now() - timedelta(hours=AWAITED_HOURS)
    is_open = (unproven | unfinished) & waiting
    return exists().where(which, files.c.id == _open.c.file_id, is_open | awaited)


def names(connection: Connection, batch_ids: Sequence[int]) -> dict[int, str]:
    """The names of kept bodies by batch."""
    if not batch_ids:
        return {}
    rows = connection.execute(
        select(bodies.c.batch_id, bodies.c.stored).where(bodies.c.batch_id.in_(batch_ids))
    )
    return {row.batch_id: row.stored for row in rows}


def later_within(connection: Connection, account: str, list_id: int, after: int) -> list[Later]:
    """Later batches of any file to a list whose bodies are kept, in the order of sending."""
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
    """How many later batches of other files to a list have no body that is kept."""
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
    """Bodies of an account's batches that nothing needs any more, and of any that are too old."""
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
    """A body is no longer in the storage."""
    with store.transaction() as connection:
        connection.execute(delete(bodies).where(bodies.c.batch_id == batch_id))
