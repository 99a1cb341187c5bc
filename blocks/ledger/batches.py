"""The journal of batches: each is written down before it is sent to MailUp.

    sending --MailUp answered with an import id--> accepted --import completed--> done

A batch found `sending` after a crash may or may not have reached MailUp: it is looked up there
before it is sent again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, select, update

from blocks.ledger import journal, leases
from blocks.ledger.leases import Lease
from blocks.ledger.store import Store, utc_now
from blocks.ledger.tables import batches

BatchState = Literal["sending", "accepted", "done"]
Purpose = Literal["records", "missing"]
"""records: what is in the file. missing: people to be unsubscribed because they are not in it."""

Counted = Iterable[tuple[int, dict[str, int]]]
"""Ids of batches with MailUp's counters of their imports."""

_REFUSED = "refused"
"""Key under which `read_back` lies among the counters."""


@dataclass(frozen=True)
class BatchEntry:
    """One batch as the ledger knows it.

    `target` are the fields of the ImportTarget it goes to, `after_import` is the newest import id
    that was known before it was sent. `refused` is what reading back found out about recipients
    that MailUp refused: None where nobody has looked yet. Batches of both purposes are numbered
    together.
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


def of_file(store: Store, file_id: int, attempt: int) -> list[BatchEntry]:
    """All batches of a file's attempt, in the order of their numbers."""
    with store.transaction() as connection:
        rows = connection.execute(
            select(batches)
            .where(batches.c.file_id == file_id, batches.c.attempt == attempt)
            .order_by(batches.c.number)
        ).all()
    return [_entry(row) for row in rows]


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
    lease: Lease | None = None,
    ended: Counted = (),
) -> BatchEntry:
    """Write a batch down as `sending`, before the first byte of it leaves.

    In the same transaction the batches in `ended` are done, and RunStopped is raised, with nothing
    written, unless `lease` is still held.
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
                changed_at=utc_now(), purpose=purpose,
            )
            .returning(batches)
        ).one()  # fmt: skip
        _note(connection, row, "sending", {"rows": rows, "after_import": after_import}, store.run)
    return _entry(row)


def accepted(store: Store, batch_id: int, import_id: int) -> None:
    """MailUp gave an import id: the batch is on its way and never sent again."""
    detail = {"import_id": import_id}
    _set(store, batch_id, "accepted", detail, state="accepted", import_id=import_id)


def confirming(store: Store, batch_id: int, sending_id: int) -> None:
    """A confirmation mailing is about to be sent for this batch."""
    _set(store, batch_id, "confirming", {"sending_id": sending_id}, sending_id=sending_id)


def done(store: Store, ended: Counted) -> None:
    """MailUp has completed the imports of these batches; the counters are MailUp's own."""
    with store.transaction() as connection:
        _end(connection, ended, store.run)


def _end(connection: Connection, ended: Counted, run: str) -> None:
    for batch_id, counters in ended:
        _change(connection, batch_id, "done", counters, run, state="done", counters=counters)


def read_back(store: Store, entry: BatchEntry, refused: dict[str, Any]) -> BatchEntry:
    """Keep what reading back found out about a batch: a repeated step need not ask again.

    `refused` has its `state` and the `lines` of the file that were refused.
    """
    detail = {"state": refused["state"], "found": len(refused["lines"])}
    kept = {**entry.counters, _REFUSED: refused}
    _set(store, entry.id, "read_back", detail, counters=kept)
    return replace(entry, refused=refused)


def claimed_imports(store: Store, after_import: int) -> set[int]:
    """Import ids above `after_import` that already belong to a batch of this ledger."""
    with store.transaction() as connection:
        rows = connection.execute(
            select(batches.c.import_id).where(batches.c.import_id > after_import)
        )
        return {row.import_id for row in rows}


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
        .values(**values, changed_at=utc_now())
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
    )  # fmt: skip
