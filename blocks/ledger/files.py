"""Files of clients and their states; identified by the hash of their content."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select, update

from blocks.ledger import journal
from blocks.ledger.store import Store, insert_once, naive_utc_now
from blocks.ledger.tables import files

FileState = Literal["collected", "held", "refused", "submitting", "submitted", "reported"]
"""collected: fetched. held: kept back as a whole. refused: somebody decided not to import a held
file. submitting: batches are being sent. submitted: MailUp has confirmed every batch (the commit
point). reported: the client has its result; the source file may still have to be moved."""


@dataclass(frozen=True)
class FileKey:
    """Identity of a file: client, stream and content; never its name or time."""

    client: str
    stream: str
    sha256: str


@dataclass(frozen=True)
class FileEntry:
    """One file of the ledger. `seen_at` and `changed_at` are UTC; `waiting_run` is the flow run
    that waits for a decision about a held file, or empty. `basis` is the import type, and on what
    ground people are sent on each channel; empty before sending."""

    id: int
    name: str
    size: int
    state: FileState
    reason: str
    attempt: int
    agreement: str
    counts: dict[str, int]
    seen_at: datetime
    changed_at: datetime
    waiting_run: str
    basis: dict[str, Any]


def find(store: Store, key: FileKey) -> FileEntry | None:
    """The entry of a file, or None if its content was never seen."""
    with store.transaction() as connection:
        row = connection.execute(select(files).where(*_is(key))).first()
    return _entry(row) if row else None


def name_of(store: Store, file_id: int) -> str:
    """The name under which a file was first seen."""
    with store.transaction() as connection:
        return str(connection.execute(select(files.c.name).where(files.c.id == file_id)).scalar())


def counts_of(store: Store, file_id: int) -> dict[str, int]:
    """The counts of a file's last import."""
    with store.transaction() as connection:
        found = connection.execute(select(files.c.counts).where(files.c.id == file_id)).scalar()
    return dict(found or {})


def enter(
    store: Store, key: FileKey, *, name: str, size: int, agreement: str, run: str
) -> FileEntry:
    """Add a file before it is processed; returns the new or existing entry."""
    now = naive_utc_now()
    with store.transaction() as connection:
        new = insert_once(
            connection, files, client=key.client, stream=key.stream, sha256=key.sha256, name=name,
            size=size, state="collected", reason="", attempt=1, agreement=agreement, counts={},
            run=run, seen_at=now, changed_at=now,
        )  # fmt: skip
        row = connection.execute(select(files).where(*_is(key))).one()
        if new:
            detail = {"sha256": key.sha256, "bytes": size, "agreement": agreement}
            journal.write_of_file(connection, row.id, "file_entered", detail, run=run)
    return _entry(row)


def move_to(
    store: Store,
    file_id: int,
    state: FileState,
    *,
    reason: str = "",
    counts: Mapping[str, int] | None = None,
    basis: Mapping[str, Any] | None = None,
    also: Callable[[Connection], object] | None = None,
) -> None:
    """Record a file's new state, and its counts and the basis of sending if they are known.

    `also` runs in the same transaction.
    """
    values: dict[str, Any] = {"state": state, "reason": reason, "changed_at": naive_utc_now()}
    if counts is not None:
        values["counts"] = dict(counts)
    detail: dict[str, Any] = ({"reason": reason} if reason else {}) | dict(counts or {})
    if basis is not None:
        values["basis"] = dict(basis)
        detail["basis"] = dict(basis)
    with store.transaction() as connection:
        connection.execute(update(files).where(files.c.id == file_id).values(values))
        journal.write_of_file(connection, file_id, f"file_{state}", detail, run=store.run)
        if also is not None:
            also(connection)


def set_waiting(store: Store, file_id: int, run: str) -> None:
    """Record the flow run that waits for a decision about a held file; "" if none does any more.

    `changed_at` is not changed, because the file's state is the same.
    """
    with store.transaction() as connection:
        connection.execute(update(files).where(files.c.id == file_id).values(waiting_run=run))


def waiting(store: Store, client: str, stream: str) -> list[FileEntry]:
    """The client's held files for which a run waits for a decision, oldest first."""
    with store.transaction() as connection:
        rows = connection.execute(
            select(files)
            .where(files.c.client == client, files.c.stream == stream, files.c.waiting_run != "")
            .order_by(files.c.changed_at, files.c.id)
        ).all()
    return [_entry(row) for row in rows]


def start_again(store: Store, file_id: int, *, agreement: str, run: str) -> FileEntry:
    """Begin a new attempt; batches of earlier attempts are kept, but do not belong to it."""
    with store.transaction() as connection:
        connection.execute(
            update(files)
            .where(files.c.id == file_id)
            .values(
                attempt=files.c.attempt + 1,
                state="collected",
                reason="",
                agreement=agreement,
                run=run,
                changed_at=naive_utc_now(),
            )
        )
        row = connection.execute(select(files).where(files.c.id == file_id)).one()
        detail = {"attempt": row.attempt, "agreement": agreement}
        journal.write_of_file(connection, file_id, "file_begun_again", detail, run=run)
    return _entry(row)


def imported_last(store: Store, client: str, stream: str, *, limit: int) -> list[FileEntry]:
    """The client's last submitted files, newest first."""
    with store.transaction() as connection:
        rows = connection.execute(
            select(files)
            .where(
                files.c.client == client,
                files.c.stream == stream,
                files.c.state.in_(("submitted", "reported")),
            )
            .order_by(files.c.changed_at.desc(), files.c.id.desc())
            .limit(limit)
        ).all()
    return [_entry(row) for row in rows]


def superseded(store: Store, key: FileKey, entry: FileEntry) -> bool:
    """Whether a different file of the same stream was imported after this one."""
    with store.transaction() as connection:
        row = connection.execute(
            select(files.c.id).where(
                files.c.client == key.client,
                files.c.stream == key.stream,
                files.c.id != entry.id,
                files.c.state.in_(("submitted", "reported")),
                files.c.changed_at > entry.changed_at,
            )
        ).first()
    return row is not None


def _is(key: FileKey) -> tuple[Any, ...]:
    return (
        files.c.client == key.client,
        files.c.stream == key.stream,
        files.c.sha256 == key.sha256,
    )


def _entry(row: Row[Any]) -> FileEntry:
    return FileEntry(
        row.id, row.name, row.size, row.state, row.reason, row.attempt, row.agreement,
        dict(row.counts), row.seen_at, row.changed_at, row.waiting_run, dict(row.basis),
    )  # fmt: skip
