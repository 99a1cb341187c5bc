"""Snapshots: what a list is sure to have from a client's last file, and when that is not sure.

    planned --MailUp has confirmed the file, in the transaction that marks it submitted--> kept
    planned or kept --a later one is kept, and the storage has it no more--> removed

A row is there before anything of a file is sent, whether or not a snapshot is made of it. So what
was begun after a snapshot is known, even of a file that was never finished, and a snapshot counts
only where nothing else was sent since. A row without a stored file says that there is none.
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
"""Why a file was sent as a whole, "" where it was compared. first: there is no snapshot. changed:
the agreement or the account is another one. interrupted: something else was sent since. lost: the
storage lacks it, or it is damaged. asked: somebody wants it. due: the last time was long ago."""

LeftBecause = Literal["", "report", "unreadable", "limit", "replay"]
"""Why people who are missing in a file were left as they are, "" where they were to be
unsubscribed. report: as agreed. unreadable: it has rows without an address that can be read.
limit: they are too many, and nobody has released that. replay: the file is an old one."""


@dataclass(frozen=True)
class SnapshotEntry:
    """One row. `stored` names the file in the storage, `sha256` is its content's; `shape` the hash
    of what made requests of records; `missing` how many people of the snapshot before were not in
    the file, None where it was not compared, and `left_because` what was not done about them;
    `full_at` (UTC) when a file was sent as a whole last.
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
    """The secret with which the snapshots of a stream are hashed; None before there is one."""
    secret = snapshot_keys.c.secret
    whose = (snapshot_keys.c.client == client, snapshot_keys.c.stream == stream)
    with store.transaction() as connection:
        found = connection.execute(select(secret).where(*whose)).scalar()
    return bytes.fromhex(found) if found else None


def make_key(store: Store, client: str, stream: str) -> bytes:
    """The secret of a stream, made at random where there is none."""
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
    """Write down that a file is about to be sent, and as what its snapshot will be stored."""
    adding = insert(snapshots).values(
        client=client, stream=stream, file_id=file_id, attempt=attempt, state="planned",
        stored=stored, sha256="", shape=shape, why=why, missing=missing,
        left_because=left_because, full_at=full_at, run=store.run, changed_at=naive_utc_now(),
    )  # fmt: skip
    with store.transaction() as connection:
        return int(connection.execute(adding.returning(snapshots.c.id)).scalar_one())


def keep(connection: Connection, planned: int, *, stored: str, sha256: str) -> None:
    """The file is submitted, in the same transaction; both are empty where no snapshot is."""
    _set(connection, planned, state="kept", stored=stored, sha256=sha256)


def standing(
    store: Store, client: str, stream: str, *, file_id: int, shape: str
) -> tuple[SnapshotEntry | None, Why]:
    """The snapshot that a file may be compared with; or None, and why there is none.

    Whatever was begun after it has to be this very file in this very shape: then it changed only
    what is sent again. Any other file may have changed anybody.
    """
    kept, later = _since_kept(store, client, stream)
    if kept is None or not kept.stored:
        return None, "first"
    if any(each.file_id != file_id or each.shape != shape for each in later):
        return None, "interrupted"
    return (None, "changed") if kept.shape != shape else (kept, "")


def undisturbed(store: Store, client: str, stream: str, *, file_id: int, attempt: int) -> bool:
    """Whether no other file was begun since this attempt with a file was."""
    mine = (snapshots.c.file_id == file_id, snapshots.c.attempt == attempt)
    others = _all(client, stream).where(snapshots.c.file_id != file_id)
    with store.transaction() as connection:
        first = connection.execute(select(func.min(snapshots.c.id)).where(*mine)).scalar()
        if first is None:
            return False
        return connection.execute(others.where(snapshots.c.id > first).limit(1)).first() is None


def begun_once(store: Store, client: str, stream: str) -> bool:
    """Whether only one run has begun to send something since the newest snapshot that is kept."""
    return len(_since_kept(store, client, stream)[1]) == 1


def of_file(store: Store, file_id: int) -> SnapshotEntry | None:
    """What was written down when a file was sent the last time."""
    wanted = _columns().where(snapshots.c.file_id == file_id)
    with store.transaction() as connection:
        row = connection.execute(wanted.order_by(snapshots.c.id.desc()).limit(1)).first()
    return SnapshotEntry(*row) if row else None


def outdated(store: Store, client: str, stream: str) -> list[SnapshotEntry]:
    """What nobody needs: snapshots before the newest one, and what runs that were cut off left."""
    kept, _ = _since_kept(store, client, stream)
    if kept is None:
        return []
    wanted = _all(client, stream).where(
        snapshots.c.id < kept.id, snapshots.c.state != "removed", snapshots.c.stored != ""
    )
    with store.transaction() as connection:
        return [SnapshotEntry(*row) for row in connection.execute(wanted)]


def removed(store: Store, snapshot_id: int) -> None:
    """The storage has it no more."""
    with store.transaction() as connection:
        _set(connection, snapshot_id, state="removed")


def _since_kept(
    store: Store, client: str, stream: str
) -> tuple[SnapshotEntry | None, list[SnapshotEntry]]:
    """The newest snapshot that is kept, and all rows behind it."""
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
