"""Snapshots of delta: load the previous one, and store the next one."""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from prefect import get_run_logger
from sqlalchemy import Connection

from blocks.errors import RunStopped
from blocks.ledger import files, snapshots
from blocks.ledger.batches import BatchEntry
from blocks.ledger.snapshots import SnapshotEntry, Why
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store, naive_utc_now
from blocks.ledgers import Ledger
from blocks.loading import load
from tasks.agreements.base import Settings
from tasks.files.hashing import sha256_of
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.batches import Batch
from tasks.records.consent.second_key import without_second_key
from tasks.records.delta import hashes
from tasks.records.delta.snapshot import Snapshot, snapshot_of, write_snapshot
from tasks.records.frames import LINE
from tasks.records.job import ImportJob
from tasks.records.stages import AccountFacts, Claim, DeltaResult, Prepared

_STORED_AS = "records"
"""Folder of the ledger's storage."""
UNCONFIRMED = "unsure"
"""Key in a file's counts in the ledger: rows that were sent but are not in its snapshot."""

_SHAPING = {
    "account", "list_id", "group", "replace_groups", "confirm_email", "mapping", "consent",
}  # fmt: skip
"""Settings of an agreement that determine the request made of a record."""
_FIRST_OF_CONSENT = {
    "import_type", "unsubscribed", "grant_date", "grant_by", "grant_reason", "grant_expires",
}  # fmt: skip
_FIRST_OF_MAPPING = {
    "columns", "key", "default_region", "status_values", "lists", "last_row_decides_status",
    "clear_unmapped_fields",
}  # fmt: skip
_FIRST_OF_COLUMNS = {
    "column", "target", "field", "trim", "case", "date_in", "date_out", "length", "too_long",
    "blank", "required",
}  # fmt: skip
"""Settings that the first snapshots had; newer ones count only if they are set."""


@dataclass(frozen=True)
class PreviousSnapshot:
    """The snapshot to compare a file with, or `why` there is none. `unconfirmed`: rows of the
    previous file that are not in it because MailUp did not confirm them."""

    why: Why
    full_at: datetime
    snapshot: Snapshot | None = None
    unconfirmed: int = 0

    def completed(self, compared: DeltaResult | None) -> DeltaResult:
        """Add the data of this snapshot to the result of the comparison."""
        return replace(
            compared or DeltaResult(),
            why=self.why,
            full_at=self.full_at,
            unconfirmed=self.unconfirmed,
        )


def previous_snapshot(job: ImportJob, claim: Claim, folder: Path) -> PreviousSnapshot | None:
    """The snapshot of the previous file; None without delta.

    If there is no usable one, all rows are sent.
    """
    if not job.agreement.delta.on:
        return None
    previous = _found(job, claim, folder)
    if previous.why:
        get_run_logger().info("All rows of %s are sent (%s)", claim.name, previous.why)
    return previous


def _found(job: ImportJob, claim: Claim, folder: Path) -> PreviousSnapshot:
    now = naive_utc_now()
    agreement, facts, send_all = job.agreement, job.facts, job.send_all
    ledger = load(Ledger, agreement.ledger)
    if facts.snapshot:
        return _original_snapshot(ledger, agreement, facts.snapshot)
    with ledger.open(read_only=True) as store:
        if store.is_empty:
            return PreviousSnapshot("asked" if send_all else "first", now)
        stream = (store, agreement.client, agreement.stream)
        kept, why = snapshots.comparable(
            *stream, file_id=claim.entry_id, shape=shape_of(agreement, facts)
        )
        key = snapshots.key_of(*stream)
        unconfirmed = files.counts_of(store, kept.file_id).get(UNCONFIRMED, 0) if kept else 0
    if kept is None or key is None:
        return PreviousSnapshot("asked" if send_all else why or "lost", now)
    send_all_why: Why = "asked" if send_all else "due" if _due(agreement, kept, now) else ""
    path = _fetched(ledger.open_storage(), kept, folder)
    if path is None:
        return PreviousSnapshot(send_all_why or "lost", now)
    if send_all_why:
        return PreviousSnapshot(send_all_why, now, Snapshot(path, key, send_all=True))
    return PreviousSnapshot("", kept.full_at, Snapshot(path, key), unconfirmed)


def _original_snapshot(ledger: Ledger, agreement: ImportAgreement, path: Path) -> PreviousSnapshot:
    """The snapshot with which a replayed file was originally compared."""
    with ledger.open(read_only=True) as store:
        key = snapshots.key_of(store, agreement.client, agreement.stream)
    return (
        PreviousSnapshot("", naive_utc_now(), Snapshot(path, key))
        if key
        else PreviousSnapshot("lost", naive_utc_now())
    )


def _due(agreement: ImportAgreement, kept: SnapshotEntry, now: datetime) -> bool:
    days = agreement.delta.resend_after_days
    return days > 0 and now - kept.full_at >= timedelta(days=days)


def _fetched(storage: Storage, kept: SnapshotEntry, folder: Path) -> Path | None:
    """The snapshot's file; None if the storage lacks it or its hash differs."""
    try:
        path = storage.get(kept.stored, folder / "snapshot.parquet")
    except RunStopped:
        return None
    return path if sha256_of(path) == kept.sha256 else None


def shape_of(agreement: ImportAgreement, facts: AccountFacts) -> str:
    """Hash of everything that determines requests; only records of one shape are comparable."""
    shaping = agreement.model_dump(mode="json", include=_SHAPING)
    mapping, consent = agreement.mapping, agreement.consent
    shaping["consent"] = _set_values(consent, _FIRST_OF_CONSENT)
    shaping["mapping"] = _set_values(mapping, _FIRST_OF_MAPPING) | {
        "columns": [_set_values(column, _FIRST_OF_COLUMNS) for column in mapping.columns]
    }
    inputs = [hashes.VERSION, facts.account, sorted(facts.fields.items()), shaping]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _set_values(settings: Settings, first: Collection[str]) -> dict[str, Any]:
    """Settings without those that are newer than the `first` ones, where they are not set."""
    fields = type(settings).model_fields
    newer = {
        name
        for name, field in fields.items()
        if name not in first
        and getattr(settings, name) == field.get_default(call_default_factory=True)
    }
    return settings.model_dump(mode="json", exclude=newer)


@dataclass(frozen=True)
class PlannedSnapshot:
    """The planned snapshot of a file: its row in the ledger, and its name in the storage."""

    id: int = 0
    stored: str = ""


NO_PLAN = PlannedSnapshot()


def plan_snapshot(
    store: Store, job: ImportJob, prepared: Prepared, *, file_id: int, attempt: int
) -> PlannedSnapshot:
    """Record in the ledger that a file is about to be sent; delete outdated snapshots first."""
    agreement = job.agreement
    _delete_outdated(store, agreement)
    stored, compared = "", prepared.compared or DeltaResult()
    if agreement.delta.on:
        storage = load(Ledger, agreement.ledger).open_storage()
        stored = storage.new_name(_STORED_AS, f"{agreement.client}-{file_id}", ".parquet")
    planned = snapshots.plan(
        store, agreement.client, agreement.stream, file_id=file_id, attempt=attempt,
        shape=shape_of(agreement, job.facts), stored=stored, why=compared.why,
        missing=compared.missing, left_because=compared.left_because,
        full_at=compared.full_at or naive_utc_now(),
    )  # fmt: skip
    return PlannedSnapshot(planned, stored)


def _delete_outdated(store: Store, agreement: ImportAgreement) -> None:
    outdated = snapshots.outdated(store, agreement.client, agreement.stream)
    if not outdated:
        return
    storage = load(Ledger, agreement.ledger).open_storage()
    for each in outdated:
        storage.remove(each.stored)
        snapshots.removed(store, each.id)


@dataclass(frozen=True)
class SnapshotToKeep:
    """Activates a snapshot, in the transaction that marks the file as submitted; `unconfirmed` rows
    are sent again with the next file."""

    planned: int
    stored: str
    sha256: str
    unconfirmed: int = 0

    def __call__(self, connection: Connection) -> None:
        """Make this the current snapshot."""
        snapshots.keep(connection, self.planned, stored=self.stored, sha256=self.sha256)


def snapshot(
    store: Store,
    agreement: ImportAgreement,
    prepared: Prepared,
    planned: PlannedSnapshot,
    entries: Sequence[BatchEntry],
    *,
    file_id: int,
    attempt: int,
    differing: Collection[int] = (),
) -> SnapshotToKeep:
    """Store the snapshot of what MailUp has confirmed of a file, if delta is on and it is certain.

    Rows of the lines in `differing` were sent without their second key, or rejected. Of the former
    the snapshot has the person, so that missing people are found later, but not the file's row.
    """
    stream = (store, agreement.client, agreement.stream)
    certain = snapshots.undisturbed(*stream, file_id=file_id, attempt=attempt)
    if not (planned.stored and certain and prepared.opened):
        return SnapshotToKeep(planned.id, "", "")
    key = snapshots.make_key(*stream)
    confirmed = _confirmed(prepared.batches, entries)
    rejected = agreement.mapping.second_key == "reject"
    rows = [
        snapshot_of(as_sent(records, differing, rejected=rejected), key) for records in confirmed
    ]
    compared = prepared.compared or DeltaResult()
    keep = ["unchanged"]
    if snapshots.begun_once(*stream):  # else another run may have sent a row that is now rejected
        keep.append("refused")
    if agreement.delta.missing == "unsubscribe" and compared.left_because:
        keep.append("missing")
    path = prepared.opened.with_suffix(".snapshot")
    write_snapshot(path, rows, compared.previous, keep)
    load(Ledger, agreement.ledger).open_storage().put_as(path, planned.stored)
    sent = prepared.counts.submitted - prepared.opt_outs
    unconfirmed = sent - sum(each.height for each in rows)
    return SnapshotToKeep(planned.id, planned.stored, sha256_of(path), unconfirmed)


def as_sent(records: pl.DataFrame, differing: Collection[int], *, rejected: bool) -> pl.DataFrame:
    """Records as they went to MailUp, with these lines for their second key."""
    if rejected:
        return records.filter(~pl.col(LINE).is_in(list(differing)))
    return without_second_key(records, differing)


def _confirmed(sent: Sequence[Batch], entries: Sequence[BatchEntry]) -> Iterator[pl.DataFrame]:
    """The records that MailUp confirmed for all their groups, each once, without opt-outs, which
    are always sent."""
    known = {entry.number: entry for entry in entries}
    sent = [each for each in sent if each.destination.import_type == "default"]
    refused = {each.number: _rejected(known.get(each.number)) for each in sent}
    lacking = [
        each.records(LINE)[LINE]
        for each in sent
        if each.destination.group and refused[each.number] is None
    ]
    every = [line for lines in refused.values() for line in lines or ()]
    without = pl.concat([pl.Series(LINE, every, pl.Int64), *lacking]).unique()
    for batch in sent:
        if refused[batch.number] is not None:
            yield batch.new_records().filter(~pl.col(LINE).is_in(without.implode()))


def _rejected(entry: BatchEntry | None) -> list[int] | None:
    """Lines of a batch that MailUp rejected; None if not all of them are known."""
    if entry is None or entry.state != "done" or entry.counters.get("rows") != entry.rows:
        return None
    if not entry.counters.get("not_valid"):
        return []
    if entry.refused is None or entry.refused["state"] != "complete":
        return None
    return list(entry.refused["lines"])


def stored_comparison(
    store: Store, agreement: ImportAgreement, prepared: Prepared, file_id: int
) -> DeltaResult | None:
    """The result of delta when the file was sent, from the ledger; None without delta."""
    entry = snapshots.of_file(store, file_id) if agreement.delta.on else None
    if entry is None:
        return None
    unidentified = prepared.compared.unidentified_rows if prepared.compared else 0
    return DeltaResult(
        entry.why,
        entry.missing,
        full_at=entry.full_at,
        unidentified_rows=unidentified,
        left_because=entry.left_because,
    )
