"""Batches: a row is written before each is sent to MailUp.

    sending --MailUp answered with an import id--> accepted --import completed--> done

A batch found `sending` after a crash may or may not have reached MailUp. Meanwhile the bodies of
later batches to its list are kept (`bodies`), so that sending it again cannot restore old values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, select, update

from blocks.errors import MailUpUnavailable
from blocks.ledger import bodies, journal, leases
from blocks.ledger.leases import Lease
from blocks.ledger.store import Store, naive_utc_now
from blocks.ledger.tables import batches, files

BatchState = Literal["sending", "accepted", "done"]
Purpose = Literal["records", "missing", "left"]
"""records: the records of the file. missing: unsubscribes people who are not in the file.
left: unsubscribes again people who left while a grant subscribed them."""

Counted = Iterable[tuple[int, dict[str, int]]]
"""Ids of batches with MailUp's counters of their imports."""

_REFUSED = "refused"
"""Key of the result of `read_back` in the column of counters."""


@dataclass(frozen=True)
class BatchEntry:
    """One batch of the ledger.

    `target`: fields of its ImportTarget. `after_import`: the newest import id before it was sent.
    `refused`: the read-back's result about recipients that MailUp rejected, None before it.
    `number`: counts batches of all purposes together. `again`: how often it was sent again.
    `extra`: how many additional imports MailUp may have because of it. `stored`: name of its body
    in the storage, "" if it is not kept.
    """

    id: int
    number: int
    target: dict[str, Any]
    rows: int
    sha256: str
    state: BatchState
    after_import: int
    import_id: int | None
    sending_id: int | None
    counters: dict[str, int]
    refused: dict[str, Any] | None = None
    purpose: Purpose = "records"
    account: str = ""
    again: int = 0
    extra: int = 0
    changed_at: datetime | None = None
    stored: str = ""

    @property
    def list_id(self) -> int:
        """The list that it is sent to."""
        return int(self.target.get("list_id", 0))


def of_file(store: Store, file_id: int, attempt: int) -> list[BatchEntry]:
    """All batches of a file's attempt, in the order of their numbers."""
    with store.transaction() as connection:
        rows = connection.execute(
            select(batches)
            .where(batches.c.file_id == file_id, batches.c.attempt == attempt)
            .order_by(batches.c.number)
        ).all()
        stored = bodies.names(connection, [row.id for row in rows if row.state != "done"])
    return [replace(_entry(row), stored=stored.get(row.id, "")) for row in rows]


def write_ahead(
    store: Store,
    file_id: int,
    attempt: int,
    number: int,
    *,
    target: dict[str, Any],
    rows: int,
    sha256: str,
    after_import: int,
    purpose: Purpose = "records",
    account: str = "",
    lease: Lease | None = None,
    ended: Counted = (),
) -> BatchEntry:
    """Add a batch as `sending`, before it is sent.

    In the same transaction the batches in `ended` become done. If `lease` is no longer held,
    RunStopped is raised and nothing is written. If the entry names a body (`stored`), store it
    before sending the batch.
    """
    with store.transaction() as connection:
        if lease is not None:
            leases.require_within(connection, lease)
        _end(connection, ended, store.run)
        row = connection.execute(
            insert(batches)
            .values(
                file_id=file_id, attempt=attempt, number=number, target=target, rows=rows,
                sha256=sha256, state="sending", after_import=after_import, counters={},
                changed_at=naive_utc_now(), purpose=purpose, account=account,
                list_id=target.get("list_id", 0),
            )
            .returning(batches)
        ).one()  # fmt: skip
        _note(connection, row, "sending", {"rows": rows, "after_import": after_import}, store.run)
        stored = bodies.planned(connection, row, always=purpose == "missing")
    return replace(_entry(row), stored=stored)


def sending_again(store: Store, entry: BatchEntry, *, possible: Iterable[int]) -> BatchEntry:
    """Record that a batch without proof is sent again; `possible`: imports that may be it."""
    found = list(possible)
    again, extra = entry.again + 1, entry.extra + bool(found)
    detail = {"possible_imports": found[:20]}
    values: dict[str, Any] = {"again": again, "extra": extra}
    with store.transaction() as connection:
        file_id = select(batches.c.file_id).where(batches.c.id == entry.id).scalar_subquery()
        # This is the newest batch of its file.
        steps = ("batch_sending", "batch_sending_again")
        if journal.last_run(connection, file_id, steps) != store.run:
            values["taken_at"] = naive_utc_now()
        _change(connection, entry.id, "sending_again", detail, store.run, **values)
    return replace(entry, again=again, extra=extra)


def woken(store: Store, entry: BatchEntry, import_id: int | None) -> None:
    """Record that a batch was sent after another run had taken over, because of a standstill."""
    with store.transaction() as connection:
        detail = {"import_id": import_id}
        extra = batches.c.extra + 1
        _change(connection, entry.id, "woken", detail, store.run, extra=extra)


def repeated(store: Store, entry: BatchEntry, later_id: int, rows: int) -> BatchEntry:
    """Record that rows of a later batch are sent once more after this one."""
    detail = {"later_batch": later_id, "rows": rows}
    _set(store, entry.id, "repeating_later", detail, extra=batches.c.extra + 1)
    return replace(entry, extra=entry.extra + 1)


def accepted(store: Store, entry: BatchEntry, import_id: int) -> BatchEntry:
    """Record MailUp's import id: the batch is never sent again.

    MailUpUnavailable if another batch of the account already has this id.
    """
    with store.transaction() as connection:
        same = (batches.c.import_id == import_id) & (batches.c.account == entry.account)
        other = select(batches.c.id).where(same, batches.c.id != entry.id)
        if entry.account and connection.execute(other).first():
            raise MailUpUnavailable(
                f"MailUp answered with import {import_id}, which is the id of another batch. The "
                "batch is looked up, and sent again if that is safe.",
                maybe_accepted=True,
            )
        values = {"state": "accepted", "import_id": import_id}
        _change(connection, entry.id, "accepted", {"import_id": import_id}, store.run, **values)
    return replace(entry, state="accepted", import_id=import_id)


def confirming(store: Store, batch_id: int, sending_id: int) -> None:
    """Record that a confirmation mailing is sent for this batch."""
    _set(store, batch_id, "confirming", {"sending_id": sending_id}, sending_id=sending_id)


def done(store: Store, ended: Counted) -> None:
    """Record that MailUp has completed the imports of these batches, with MailUp's counters."""
    with store.transaction() as connection:
        _end(connection, ended, store.run)


def done_unless_later(store: Store, entry: BatchEntry, counters: dict[str, int], seen: int) -> bool:
    """The same for a batch that was sent again. Returns False and writes nothing if the body of a
    batch to its list later than `seen` is kept."""
    with store.transaction() as connection:
        if bodies.later_within(connection, entry.account, entry.list_id, max(seen, entry.id)):
            return False
        _end(connection, [(entry.id, counters)], store.run)
    return True


def _end(connection: Connection, ended: Counted, run: str) -> None:
    for batch_id, counters in ended:
        _change(connection, batch_id, "done", counters, run, state="done", counters=counters)


def read_back(store: Store, entry: BatchEntry, refused: dict[str, Any]) -> BatchEntry:
    """Store the read-back's result of a batch, so that a retry does not repeat it.

    `refused` has its `state` and the `lines` of the file that MailUp rejected.
    """
    detail = {"state": refused["state"], "found": len(refused["lines"])}
    kept = {**entry.counters, _REFUSED: refused}
    _set(store, entry.id, "read_back", detail, counters=kept)
    return replace(entry, refused=refused)


def claimed_imports(store: Store, file_id: int, entry: BatchEntry) -> set[int]:
    """Import ids above the entry's `after_import` that belong to other batches of the account.

    Of old batches whose account is not recorded, only those of the same file count.
    """
    same = (batches.c.account == entry.account) & (batches.c.account != "")
    older = (batches.c.account == "") & (batches.c.file_id == file_id)
    with store.transaction() as connection:
        rows = connection.execute(
            select(batches.c.import_id).where(
                batches.c.import_id > entry.after_import, same | older, batches.c.id != entry.id
            )
        )
        return {row.import_id for row in rows}


def others_were_sent(store: Store, file_id: int, attempt: int) -> bool:
    """Whether batches of another file of the stream, or of an earlier attempt, were sent."""
    stream = select(files.c.client, files.c.stream).where(files.c.id == file_id)
    mine = (batches.c.file_id == file_id) & (batches.c.attempt == attempt)
    with store.transaction() as connection:
        client, name = connection.execute(stream).one()
        found = connection.execute(
            select(batches.c.id)
            .join(files, files.c.id == batches.c.file_id)
            .where(files.c.client == client, files.c.stream == name, ~mine)
            .limit(1)
        )
        return found.first() is not None


def extra_imports(store: Store, file_id: int) -> int:
    """How many additional imports MailUp may have of a file, from batches sent again."""
    counted = select(func.sum(batches.c.extra)).where(batches.c.file_id == file_id)
    with store.transaction() as connection:
        return int(connection.execute(counted).scalar() or 0)


def newest_import(store: Store) -> int:
    """The highest import id in this ledger; 0 before the first one."""
    with store.transaction() as connection:
        return connection.execute(select(func.max(batches.c.import_id))).scalar() or 0


def _set(store: Store, batch_id: int, step: str, detail: Mapping[str, Any], **values: Any) -> None:
    with store.transaction() as connection:
        _change(connection, batch_id, step, detail, store.run, **values)


def _change(
    connection: Connection,
    batch_id: int,
    step: str,
    detail: Mapping[str, Any],
    run: str,
    **values: Any,
) -> None:
    row = connection.execute(
        update(batches)
        .where(batches.c.id == batch_id)
        .values(**values, changed_at=naive_utc_now())
        .returning(batches)
    ).one()
    _note(connection, row, step, detail, run)


def _note(
    connection: Connection, row: Row[Any], step: str, detail: Mapping[str, Any], run: str
) -> None:
    which = {"attempt": row.attempt, "number": row.number, "purpose": row.purpose}
    journal.write_of_file(connection, row.file_id, f"batch_{step}", {**which, **detail}, run=run)


def _entry(row: Row[Any]) -> BatchEntry:
    counters = dict(row.counters)
    refused = counters.pop(_REFUSED, None)
    return BatchEntry(
        row.id, row.number, dict(row.target), row.rows, row.sha256, row.state,
        row.after_import, row.import_id, row.sending_id, counters, refused, row.purpose,
        row.account, row.again, row.extra, row.changed_at,
    )  # fmt: skip
