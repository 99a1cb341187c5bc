"""Archives of imported files: stored before anything is sent, removed when they expire.

    storing --stored--> kept --expired, or replaced by another--> removed

The row is written before the file, so that the storage holds no file without a row. Rows found
`storing` or `replaced` were left by an interrupted run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, exists, insert, or_, select, update

from blocks.ledger import journal
from blocks.ledger.store import Store, naive_utc_now
from blocks.ledger.tables import archives, files

ArchiveState = Literal["storing", "kept", "replaced", "removed"]


@dataclass(frozen=True)
class ArchiveEntry:
    """One archive. `stored` is its name in the ledger's storage, `grounds` the SHA-256 of its
    decision inputs, `key` the block of the encryption key (empty: not encrypted), `forgotten` the
    number of records erased from it. `rewritten`: an older version erased them, and `grounds` is
    of the archive before. Times are UTC; `name` and `sha256` are the file's.
    """

    id: int
    file_id: int
    attempt: int
    state: ArchiveState
    stored: str
    grounds: str
    key: str
    forgotten: int
    kept_at: datetime
    expires_at: datetime
    client: str
    stream: str
    name: str
    sha256: str
    rewritten: bool


def newest(store: Store, file_id: int, *, attempt: int | None = None) -> ArchiveEntry | None:
    """The newest archive of a file, of one attempt or of any; None if there is none."""
    wanted = _all().where(archives.c.file_id == file_id, archives.c.state == "kept")
    if attempt is not None:
        wanted = wanted.where(archives.c.attempt == attempt)
    with store.transaction() as connection:
        row = connection.execute(wanted.order_by(archives.c.id.desc()).limit(1)).first()
    return ArchiveEntry(*row) if row else None


def kept_of(store: Store, client: str | None = None) -> list[ArchiveEntry]:
    """All kept archives of one client or of all, oldest first."""
    wanted = _all().where(archives.c.state == "kept").order_by(archives.c.id)
    if client is not None:
        wanted = wanted.where(files.c.client == client)
    with store.transaction() as connection:
        return [ArchiveEntry(*row) for row in connection.execute(wanted)]


def announce(
    store: Store, file_id: int, attempt: int, *, stored: str, grounds: str, key: str, days: int
) -> int:
    """Add the row of an archive before it is stored, with its expiry; returns the row's id."""
    now = naive_utc_now()
    with store.transaction() as connection:
        return _insert(
            connection, file_id=file_id, attempt=attempt, stored=stored, grounds=grounds, key=key,
            forgotten=0, run=store.run, kept_at=now, expires_at=now + timedelta(days=days),
            changed_at=now,
        )  # fmt: skip


def keep(store: Store, archive_id: int) -> None:
    """Mark an archive as stored: the file can be replayed."""
    with store.transaction() as connection:
        row = _set(connection, archive_id, state="kept")
        detail = {"encrypted": bool(row.key), "until": f"{row.expires_at:%Y-%m-%d}"}
        _note(connection, row, "file_archived", detail, store.run)


def announce_instead(
    store: Store, old: ArchiveEntry, *, stored: str, grounds: str, forgotten: int
) -> int:
    """Add the row that will replace an archive, from which `forgotten` records were erased."""
    with store.transaction() as connection:
        return _insert(
            connection, file_id=old.file_id, attempt=old.attempt, stored=stored,
            grounds=grounds, key=old.key, forgotten=forgotten, run=store.run,
            kept_at=old.kept_at, expires_at=old.expires_at, changed_at=naive_utc_now(),
        )  # fmt: skip


def keep_instead(store: Store, old: ArchiveEntry, archive_id: int) -> None:
    """Mark the replacement of an archive as stored; the old one is to be removed."""
    with store.transaction() as connection:
        _set(connection, old.id, state="replaced")
        row = _set(connection, archive_id, state="kept")
        detail = {"records": row.forgotten - old.forgotten}
        _note(connection, row, "archive_person_removed", detail, store.run)


def assign_to_attempt(store: Store, file_id: int, attempt: int, later: int) -> None:
    """Assign the newest archive of an attempt to the later one that this run begins instead."""
    entry = newest(store, file_id, attempt=attempt)
    if entry is not None:
        with store.transaction() as connection:
            _set(connection, entry.id, attempt=later)


def due_for_removal(store: Store, client: str, stream: str, days: int) -> list[ArchiveEntry]:
    """A client's expired archives, and what interrupted runs of the stream have left.

    `days` is the retention agreed for the stream now (0: nothing is archived any more): it can
    shorten the retention of an existing archive, never extend it.
    """
    now = naive_utc_now()
    over = archives.c.expires_at <= now
    if days:
        older = archives.c.kept_at <= now - timedelta(days=days)
        over = or_(over, older & (files.c.stream == stream))
    left = archives.c.state.in_(("storing", "replaced")) & (files.c.stream == stream)
    wanted = _all().where(files.c.client == client, archives.c.state != "removed", or_(over, left))
    with store.transaction() as connection:
        return [ArchiveEntry(*row) for row in connection.execute(wanted.order_by(archives.c.id))]


def removed(store: Store, archive_id: int) -> None:
    """Mark an archive as deleted from the storage."""
    with store.transaction() as connection:
        row = _set(connection, archive_id, state="removed")
        _note(connection, row, "archive_removed", {}, store.run)


def _all() -> Select[Any]:
    columns = (
        "id", "file_id", "attempt", "state", "stored", "grounds", "key", "forgotten", "kept_at",
        "expires_at",
    )  # fmt: skip
    earlier = archives.alias()
    same = (earlier.c[name] == archives.c[name] for name in ("file_id", "grounds", "kept_at"))
    return select(
        *(archives.c[name] for name in columns),
        *(files.c[name] for name in ("client", "stream", "name", "sha256")),
        exists().where(*same, earlier.c.id < archives.c.id),
    ).join(files, files.c.id == archives.c.file_id)


def _insert(connection: Connection, **values: Any) -> int:
    added = insert(archives).values(state="storing", **values).returning(archives.c.id)
    return int(connection.execute(added).scalar_one())


def _set(connection: Connection, archive_id: int, **values: Any) -> Row[Any]:
    return connection.execute(
        update(archives)
        .where(archives.c.id == archive_id)
        .values(**values, changed_at=naive_utc_now())
        .returning(archives)
    ).one()


def _note(
    connection: Connection, row: Row[Any], step: str, detail: Mapping[str, Any], run: str
) -> None:
    which = {"archive": row.id, "attempt": row.attempt}
    journal.write_of_file(connection, row.file_id, step, {**which, **detail}, run=run)
