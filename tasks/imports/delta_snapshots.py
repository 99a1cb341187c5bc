"""Snapshots: what a file is compared with, and what is kept for the next one."""

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
UNSURE = "unsure"
"""Among the counts of a file in the ledger: rows that its snapshot lacks though they were sent."""

_SHAPING = {
    "account", "list_id", "group", "replace_groups", "confirm_email", "mapping", "consent",
}  # fmt: skip
"""What of an agreement makes a request of a record, its values aside."""
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
"""Settings of when the first snapshots were made: newer ones are no change until they are set."""


@dataclass(frozen=True)
class PreviousSnapshot:
    """What a file is compared with; without a snapshot, `why` it is not. `unsure` is how many rows
    of the file before the snapshot lacks, as it was not sure that MailUp took them."""

    why: Why
    full_at: datetime
    snapshot: Snapshot | None = None
    unsure: int = 0

    def noted(self, compared: DeltaResult | None) -> DeltaResult:
        """How a file was compared, completed."""
        return replace(
            compared or DeltaResult(), why=self.why, full_at=self.full_at, unconfirmed=self.unsure
        )


def previous_snapshot(job: ImportJob, claim: Claim, folder: Path) -> PreviousSnapshot | None:
    """What the file before is known to have left in MailUp; None where files are not compared.

    Whatever is wrong with it, the file is sent as a whole.
    """
    if not job.agreement.delta.on:
        return None
    former = _found(job, claim, folder)
    if former.why:
        get_run_logger().info("%s is sent as a whole (%s)", claim.name, former.why)
    return former


def _found(job: ImportJob, claim: Claim, folder: Path) -> PreviousSnapshot:
    now = naive_utc_now()
    agreement, facts, send_all = job.agreement, job.facts, job.send_all
    ledger = load(Ledger, agreement.ledger)
    if facts.snapshot:
        return _of_its_day(ledger, agreement, facts.snapshot)
    with ledger.open(read_only=True) as store:
        if store.is_empty:
            return PreviousSnapshot("asked" if send_all else "first", now)
        whose = (store, agreement.client, agreement.stream)
        kept, why = snapshots.comparable(
            *whose, file_id=claim.entry_id, shape=shape_of(agreement, facts)
        )
        key = snapshots.key_of(*whose)
        unsure = files.counts_of(store, kept.file_id).get(UNSURE, 0) if kept else 0
    if kept is None or key is None:
        return PreviousSnapshot("asked" if send_all else why or "lost", now)
    whole: Why = "asked" if send_all else "due" if _due(agreement, kept, now) else ""
    path = _fetched(ledger.open_storage(), kept, folder)
    if path is None:
        return PreviousSnapshot(whole or "lost", now)
    if whole:
        return PreviousSnapshot(whole, now, Snapshot(path, key, send_all=True))
    return PreviousSnapshot("", kept.full_at, Snapshot(path, key), unsure)


def _of_its_day(ledger: Ledger, agreement: ImportAgreement, path: Path) -> PreviousSnapshot:
    """What a replayed file was compared with; hashed with the key that the ledger still has."""
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
    """The snapshot's file as it was written; None where the storage lacks it, or has another."""
    try:
        path = storage.get(kept.stored, folder / "snapshot.parquet")
    except RunStopped:
        return None
    return path if sha256_of(path) == kept.sha256 else None


def shape_of(agreement: ImportAgreement, facts: AccountFacts) -> str:
    """Hash of what makes a request of a record: only within one shape are records comparable."""
    shaping = agreement.model_dump(mode="json", include=_SHAPING)
    mapping, consent = agreement.mapping, agreement.consent
    shaping["consent"] = _said(consent, _FIRST_OF_CONSENT)
    shaping["mapping"] = _said(mapping, _FIRST_OF_MAPPING) | {
        "columns": [_said(column, _FIRST_OF_COLUMNS) for column in mapping.columns]
    }
    told = [hashes.VERSION, facts.account, sorted(facts.fields.items()), shaping]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _said(settings: Settings, first: Collection[str]) -> dict[str, Any]:
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
    """A file that is about to be sent: its row in the ledger, and the name of its snapshot."""

    id: int = 0
    stored: str = ""


NO_PLAN = PlannedSnapshot()


def plan_snapshot(
    store: Store, job: ImportJob, prepared: Prepared, *, file_id: int, attempt: int
) -> PlannedSnapshot:
    """Write down that a file is about to be sent; what older files needed is deleted first."""
    agreement = job.agreement
    _tidy(store, agreement)
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


def _tidy(store: Store, agreement: ImportAgreement) -> None:
    outdated = snapshots.outdated(store, agreement.client, agreement.stream)
    if not outdated:
        return
    storage = load(Ledger, agreement.ledger).open_storage()
    for each in outdated:
        storage.remove(each.stored)
        snapshots.removed(store, each.id)


@dataclass(frozen=True)
class SnapshotToKeep:
    """To be done in the transaction that marks the file as submitted; `unsure` rows are sent again
    with the next file, changed or not."""

    planned: int
    stored: str
    sha256: str
    unsure: int = 0

    def __call__(self, connection: Connection) -> None:
        """Make the snapshot the one that counts."""
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
    """Store what MailUp has confirmed of a file; nothing where that is not agreed, or not sure.

    Rows of the lines in `differing` went without their second key, or not at all: of the former the
    snapshot has the person, so that who is missing later is known, and no row that is the file's.
    """
    whose = (store, agreement.client, agreement.stream)
    sure = snapshots.undisturbed(*whose, file_id=file_id, attempt=attempt)
    if not (planned.stored and sure and prepared.opened):
        return SnapshotToKeep(planned.id, "", "")
    key = snapshots.make_key(*whose)
    confirmed = _confirmed(prepared.batches, entries)
    rejected = agreement.mapping.second_key == "reject"
    rows = [
        snapshot_of(as_sent(records, differing, rejected=rejected), key) for records in confirmed
    ]
    compared = prepared.compared or DeltaResult()
    keep = ["unchanged"]
    if snapshots.begun_once(*whose):  # else another run may have sent a row that is rejected now
        keep.append("refused")
    if agreement.delta.missing == "unsubscribe" and compared.left_because:
        keep.append("missing")
    path = prepared.opened.with_suffix(".snapshot")
    write_snapshot(path, rows, compared.previous, keep)
    load(Ledger, agreement.ledger).open_storage().put_as(path, planned.stored)
    sent = prepared.counts.submitted - prepared.opt_outs
    unsure = sent - sum(each.height for each in rows)
    return SnapshotToKeep(planned.id, planned.stored, sha256_of(path), unsure)


def as_sent(records: pl.DataFrame, differing: Collection[int], *, rejected: bool) -> pl.DataFrame:
    """Records as they went to MailUp, with these lines for their second key."""
    if rejected:
        return records.filter(~pl.col(LINE).is_in(list(differing)))
    return without_second_key(records, differing)


def _confirmed(sent: Sequence[Batch], entries: Sequence[BatchEntry]) -> Iterator[pl.DataFrame]:
    """The records of each batch that MailUp is sure to have; no opt-outs, which are always sent."""
    known = {entry.number: entry for entry in entries}
    for batch in sent:
        refused = _refused(known.get(batch.number))
        if refused is not None and batch.destination.import_type == "default":
            yield batch.records().filter(~pl.col(LINE).is_in(refused))


def _refused(entry: BatchEntry | None) -> list[int] | None:
    """Lines of a batch that MailUp has not taken; None where that is not known to the last one."""
    if entry is None or entry.state != "done" or entry.counters.get("rows") != entry.rows:
        return None
    if not entry.counters.get("not_valid"):
        return []
    if entry.refused is None or entry.refused["state"] != "complete":
        return None
    return list(entry.refused["lines"])


def compared_as(
    store: Store, agreement: ImportAgreement, prepared: Prepared, file_id: int
) -> DeltaResult | None:
    """How a file was compared when it was sent; None where it was not agreed."""
    entry = snapshots.of_file(store, file_id) if agreement.delta.on else None
    if entry is None:
        return None
    nameless = prepared.compared.unidentified_rows if prepared.compared else 0
    return DeltaResult(
        entry.why,
        entry.missing,
        full_at=entry.full_at,
        unidentified_rows=nameless,
        left_because=entry.left_because,
    )
