"""Snapshots: what MailUp has confirmed of a client's last file.

    planned --the file is submitted, in the same transaction--> kept
    planned or kept --a later one is kept, and this one is deleted from the storage--> removed

A row is written before anything of a file is sent, even if no snapshot is made of it (then it
names no stored file). So it is known what was begun after a snapshot, even if it did not finish:
a snapshot is used only if nothing else was sent since.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, func, insert, select, update

from blocks.ledger.store import Store, insert_once, naive_utc_now
from blocks.ledger.tables import snapshot_keys, snapshots

SnapshotState = Literal["planned", "kept", "removed"]
Why = Literal["", "first", "changed", "interrupted", "lost", "asked", "due"]
"""Why a file was sent completely; "" if it was compared. first: there is no snapshot. changed: the
agreement or the account has changed. interrupted: another file was begun since. lost: the snapshot
is missing in the storage, or damaged. asked: on request. due: the last complete one was too long
ago."""

LeftBecause = Literal["", "report", "unreadable", "limit", "replay"]
"""Why people who are missing in a file were not unsubscribed; "" if they were. report: as agreed.
unreadable: the file has rows without a readable address. limit: too many, and not released.
replay: the file is an old one."""


@dataclass(frozen=True)
class SnapshotEntry:
    """One snapshot. `stored`: its name in the storage; `sha256`: of its content; `shape`: hash of
    the settings that make requests of records; `missing`: how many people of the previous snapshot
    were not in the file, None if it was not compared; `full_at` (UTC): when a file was last sent
    completely.
    """

    id: int
    file_id: int
    attempt: int
    state: SnapshotState
    stored: str
    sha256: str
    shape: str
    why: Why
    missing: int | None
    full_at: datetime
    left_because: LeftBecause


def key_of(store: Store, client: str, stream: str) -> bytes | None:
    """The secret for hashing the snapshots of a stream; None before it is created."""
    secret = snapshot_keys.c.secret
    mine = (snapshot_keys.c.client == client, snapshot_keys.c.stream == stream)
    with store.transaction() as connection:
        found = connection.execute(select(secret).where(*mine)).scalar()
    return bytes.fromhex(found) if found else None


def make_key(store: Store, client: str, stream: str) -> bytes:
    """The secret of a stream; created at random if there is none."""
    with store.transaction() as connection:
        insert_once(
            connection,
            snapshot_keys,
            client=client,
            stream=stream,
            secret=secrets.token_hex(32),
            made_at=naive_utc_now(),
        )
    return key_of(store, client, stream) or b""


def plan(
    store: Store,
    client: str,
    stream: str,
    *,
    file_id: int,
    attempt: int,
    shape: str,
    stored: str,
    why: Why,
    missing: int | None,
    left_because: LeftBecause,
    full_at: datetime,
) -> int:
    """Add a row before a file is sent, with the name of its future snapshot."""
    adding = insert(snapshots).values(
        client=client, stream=stream, file_id=file_id, attempt=attempt, state="planned",
        stored=stored, sha256="", shape=shape, why=why, missing=missing,
        left_because=left_because, full_at=full_at, run=store.run, changed_at=naive_utc_now(),
    )  # fmt: skip
    with store.transaction() as connection:
        return int(connection.execute(adding.returning(snapshots.c.id)).scalar_one())


def keep(connection: Connection, planned: int, *, stored: str, sha256: str) -> None:
    """Mark a snapshot as kept, in the transaction that marks its file as submitted. `stored` and
    `sha256` are empty if no snapshot was made."""
    _set(connection, planned, state="kept", stored=stored, sha256=sha256)


def comparable(
    store: Store, client: str, stream: str, *, file_id: int, shape: str
) -> tuple[SnapshotEntry | None, Why]:
    """The snapshot that a file may be compared with; or None, and why there is none.

    After it, only this file may have been begun, with the same shape: that changed only what is
    sent again. Any other file may have changed any recipient.
    """
    kept, later = _since_kept(store, client, stream)
    if kept is None or not kept.stored:
        return None, "first"
    if any(each.file_id != file_id or each.shape != shape for each in later):
        return None, "interrupted"
    return (None, "changed") if kept.shape != shape else (kept, "")


def undisturbed(store: Store, client: str, stream: str, *, file_id: int, attempt: int) -> bool:
    """Whether no other file was begun after this attempt at a file."""
    mine = (snapshots.c.file_id == file_id, snapshots.c.attempt == attempt)
    others = _all(client, stream).where(snapshots.c.file_id != file_id)
    with store.transaction() as connection:
        first = connection.execute(select(func.min(snapshots.c.id)).where(*mine)).scalar()
        if first is None:
            return False
        return connection.execute(others.where(snapshots.c.id > first).limit(1)).first() is None


def begun_once(store: Store, client: str, stream: str) -> bool:
    """Whether only one run has begun to send since the newest kept snapshot."""
    return len(_since_kept(store, client, stream)[1]) == 1


def of_file(store: Store, file_id: int) -> SnapshotEntry | None:
    """The newest row of a file."""
    wanted = _columns().where(snapshots.c.file_id == file_id)
    with store.transaction() as connection:
        row = connection.execute(wanted.order_by(snapshots.c.id.desc()).limit(1)).first()
    return SnapshotEntry(*row) if row else None


def outdated(store: Store, client: str, stream: str) -> list[SnapshotEntry]:
    """Snapshots that are no longer needed: those before the newest kept one."""
    kept, _ = _since_kept(store, client, stream)
    if kept is None:
        return []
    wanted = _all(client, stream).where(
        snapshots.c.id < kept.id, snapshots.c.state != "removed", snapshots.c.stored != ""
    )
    with store.transaction() as connection:
        return [SnapshotEntry(*row) for row in connection.execute(wanted)]


def removed(store: Store, snapshot_id: int) -> None:
    """Mark a snapshot as deleted from the storage."""
    with store.transaction() as connection:
        _set(connection, snapshot_id, state="removed")


def _since_kept(
    store: Store, client: str, stream: str
) -> tuple[SnapshotEntry | None, list[SnapshotEntry]]:
    """The newest kept snapshot, and all rows after it."""
    with store.transaction() as connection:
        newest = connection.execute(
            _all(client, stream)
            .where(snapshots.c.state == "kept")
            .order_by(snapshots.c.id.desc())
            .limit(1)
        ).first()
        if newest is None:
            return None, []
        later = connection.execute(_all(client, stream).where(snapshots.c.id > newest.id)).all()
    return SnapshotEntry(*newest), [SnapshotEntry(*row) for row in later]


def _all(client: str, stream: str) -> Select[Any]:
    return _columns().where(snapshots.c.client == client, snapshots.c.stream == stream)


def _columns() -> Select[Any]:
    names = (
        "id", "file_id", "attempt", "state", "stored", "sha256", "shape", "why", "missing",
        "full_at", "left_because",
    )  # fmt: skip
    return select(*(snapshots.c[name] for name in names))


def _set(connection: Connection, snapshot_id: int, **values: str) -> None:
    connection.execute(
        update(snapshots)
        .where(snapshots.c.id == snapshot_id)
        .values(**values, changed_at=naive_utc_now())
    )
