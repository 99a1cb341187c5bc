"""Submit: bring every batch of a file to completion in MailUp, and compare the counts."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import polars as pl
from prefect import get_run_logger
from prefect.runtime import flow_run
from sqlalchemy import Connection

from blocks.accounts import MailUpAccount
from blocks.ledger import archives, batches, files, grants, journal
from blocks.ledger.batches import BatchEntry
from blocks.ledger.journal import NO_KEYS, ComparedKeys
from blocks.ledger.leases import Guard
from blocks.ledger.snapshots import key_of
from blocks.ledger.store import Store
from blocks.ledger.turns import ImportSlot
from blocks.ledgers import Ledger
from blocks.loading import load
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import ImportTarget
from tasks.files.prefetch import prefetched
from tasks.imports.batch_sender import BatchRequest, BatchSender, PlanChanged
from tasks.imports.delta_snapshots import (
    NO_PLAN,
    UNSURE,
    PlannedSnapshot,
    compared_as,
    plan_snapshot,
    snapshot,
)
from tasks.imports.groups import group_ids
from tasks.imports.read_back import ReadBack, list_refused, refused_by_mailup
from tasks.imports.rejoining import Rejoining, is_granted, left_out, list_rejoined
from tasks.imports.second_key import SecondKeys, compared_once, list_second_keys
from tasks.imports.turn import turn_of
from tasks.imports.unproven import Judge, KnownImports, MaybeSent, everybody
from tasks.imports.unsubscribe_missing import count_unsubscribed, unsubscribe_missing
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.batches import Batch
from tasks.records.batching.destinations import Destination
from tasks.records.batching.payloads import array, encoded, recipient_objects
from tasks.records.consent.apply import NOBODY
from tasks.records.consent.second_key import of_lists, without_second_key
from tasks.records.counts import Counts
from tasks.records.delta.missing import who_is_missing
from tasks.records.delta.snapshot import all_people
from tasks.records.frames import LINE
from tasks.records.job import ImportJob
from tasks.records.read_file import load_unsubscribed
from tasks.records.stages import (
    COUNTS_DIFFER,
    MAYBE_SENT,
    Claim,
    Hold,
    Prepared,
    RejectedByMailUp,
    Submission,
)
from tasks.runs.progress import Progress
from tasks.runs.retrying import retried_task
from tasks.runs.steps import mailup_client

PARCELS_AHEAD = 3
"""Batches that are encoded and wait, so that some are there while the next records are read."""


@dataclass(frozen=True)
class _Work:
    """What submitting one file needs at hand; `attempt` numbers the plan that is carried out."""

    job: ImportJob
    account: MailUpAccount
    client: MailUpClient
    store: Store
    guard: Guard
    entry_id: int
    attempt: int
    turn: ImportSlot | None
    planned: PlannedSnapshot = NO_PLAN
    keys: ComparedKeys = NO_KEYS
    known: KnownImports = everybody
    released_at: datetime | None = None


@retried_task("submit", "submit {claim.name}")
def submit(job: ImportJob, prepared: Prepared, claim: Claim, turn: ImportSlot | None) -> Submission:
    """Send what the ledger does not show as done, and compare MailUp's counters with ours.

    Nothing is sent in a dry run. `turn` is the account's turn where it is held already. The commit
    that marks the file as submitted is the last thing done here.
    """
    if prepared.hold or job.lease is None:
        return Submission(prepared.counts)
    agreement = job.agreement
    account = load(MailUpAccount, agreement.account)
    with (
        load(Ledger, agreement.ledger).open() as store,
        mailup_client(account, store, guard=(guard := Guard(store, job.lease))) as client,
    ):
        work = _Work(job, account, client, store, guard, claim.entry_id, claim.attempt, turn)
        work = replace(work, known=_known(work, prepared), released_at=_released_at(claim))
        if claim.progress == "nothing":
            try:
                groups = group_ids(agreement, prepared, job.facts, client)
                work = _carry_out(work, prepared, groups)
            except MaybeSent as doubt:
                return _held_for(work, prepared, doubt)
        return _concluded(work, prepared, claim)


@retried_task("look again", "look again at whom {claim.name} subscribed")
def finish_granted(job: ImportJob, prepared: Prepared, claim: Claim, turn: ImportSlot) -> None:
    """Look once more at people of granted batches that are on their way; nothing else is sent."""
    if prepared.hold or job.lease is None:
        return
    account = load(MailUpAccount, job.agreement.account)
    with (
        load(Ledger, job.agreement.ledger).open() as store,
        mailup_client(account, store, guard=(guard := Guard(store, job.lease))) as client,
    ):
        work = _Work(job, account, client, store, guard, claim.entry_id, claim.attempt, turn)
        work = _begin_anew(work, turn)
        _rejoining(work, _counter(work, turn)).finish_earlier(prepared)


def _concluded(work: _Work, prepared: Prepared, claim: Claim) -> Submission:
    """Compare the counts, list who was refused or has left, and mark the file."""
    store, agreement = work.store, work.job.agreement
    entries = [each for each in _all_batches(work) if each.purpose == "records"]
    known = claim.progress == "submitted"
    if not known:
        read_back = ReadBack(store, work.client, agreement.read_back_calls)
        entries = read_back.settle(entries, prepared.batches)
    refused = refused_by_mailup(entries)
    granted = grants.of_file(store, work.entry_id)
    absent = len(left_out(granted, work.attempt))
    keys = journal.second_keys(store, work.entry_id, work.attempt) or NO_KEYS
    rejected = len(keys.lines) if agreement.mapping.second_key == "reject" else 0
    now = prepared.counts.refused(len(refused.lines) + rejected).left_out(absent)
    counts = claim.counts if known else now
    submission = _compare(counts, entries, refused)
    if claim.decision is not None and claim.decision.reason == COUNTS_DIFFER:
        submission = replace(submission, hold=None)  # somebody has looked into it
    list_refused(agreement.mapping, prepared, entries)
    second = list_second_keys(agreement.mapping, prepared, keys)
    if not known:
        if not submission.hold and agreement.delta.on:
            try:
                _unsubscribe_missing(work, prepared)
            except MaybeSent as doubt:
                return _held_for(work, prepared, doubt)
        _commit(work, submission, prepared, entries)
    return replace(
        submission,
        compared=compared_as(store, agreement, prepared, work.entry_id),
        unsubscribed=count_unsubscribed(_all_batches(work)),
        extra=batches.extra_imports(store, work.entry_id),
        consent=list_rejoined(prepared, granted, work.attempt),
        second_key=second,
        second_key_calls=keys.calls,
    )


def _carry_out(work: _Work, prepared: Prepared, groups: dict[tuple[int, str], int]) -> _Work:
    """Send all batches; where an earlier run had begun with other ones, as a new attempt."""
    basis = work.job.agreement.basis_told
    files.move_to(work.store, work.entry_id, "submitting", basis=basis, also=work.guard.within)
    work = _planned(work, prepared)
    begun = _all_batches(work) or grants.unfinished(work.store, work.entry_id)
    if not prepared.batches and not begun:
        return work
    with _turn(work) as turn:
        try:
            _send(work, prepared, groups, turn)
        except PlanChanged:
            get_run_logger().warning(
                "The agreement, or who is unsubscribed, has changed since an earlier run began "
                "with this file: its batches are sent anew, after those on their way have ended"
            )
            work = _planned(_begin_anew(work, turn), prepared)
            _send(work, prepared, groups, turn)
    return work


def _planned(work: _Work, prepared: Prepared) -> _Work:
    planned = plan_snapshot(
        work.store, work.job, prepared, file_id=work.entry_id, attempt=work.attempt
    )
    calls = work.job.agreement.read_back_calls
    keys = compared_once(
        work.store, SecondKeys(work.client, calls), work.entry_id, work.attempt, prepared.batches
    )
    return replace(work, planned=planned, keys=keys)


def _turn(work: _Work) -> AbstractContextManager[ImportSlot]:
    if work.turn is not None:
        return nullcontext(work.turn)
    return turn_of(work.store, work.job.agreement, work.account)


def _send(
    work: _Work, prepared: Prepared, groups: dict[tuple[int, str], int], turn: ImportSlot
) -> None:
    counter, total = _counter(work, turn), len(prepared.batches)
    if any(each.purpose == "records" and each.number > total for each in _all_batches(work)):
        raise PlanChanged
    progress = Progress(f"{work.job.agreement.client}-import-progress", "batches are complete")
    rejoining = _rejoining(work, counter)
    rejoining.finish_earlier(prepared)
    plain = [each for each in prepared.batches if not is_granted(each)]
    made = batch_requests(work.job.agreement, plain, groups, keys=work.keys)
    for parcel in prefetched(made, most=PARCELS_AHEAD):
        counter.send(parcel, newest_import=rejoining.newest_import)
        progress.set(parcel.number, total)
    counter.finish()
    for batch in filter(is_granted, prepared.batches):
        rejoining.bring(batch, _target(work.job.agreement, batch.destination, groups))
        progress.set(batch.number, total)


def _rejoining(work: _Work, counter: BatchSender) -> Rejoining:
    judged, newest = load_unsubscribed(work.job.facts) or NOBODY, work.client.latest_import_id()
    return Rejoining(counter, work.account, work.job.agreement.consent, judged, newest)


def _all_batches(work: _Work) -> list[BatchEntry]:
    return batches.of_file(work.store, work.entry_id, work.attempt)


def _unsubscribe_missing(work: _Work, prepared: Prepared) -> None:
    begun = any(each.purpose == "missing" for each in _all_batches(work))
    if not begun and not (prepared.compared and prepared.compared.unsubscribes):
        return
    key = key_of(work.store, work.job.agreement.client, work.job.agreement.stream)
    with _turn(work) as turn:
        unsubscribe_missing(
            _counter(work, turn),
            work.job.agreement,
            prepared.compared,
            key,
            batch_size=work.job.facts.batch_size,
        )


def _begin_anew(work: _Work, turn: ImportSlot) -> _Work:
    counter = _counter(work, turn)
    for entry in _all_batches(work):
        counter.finish_abandoned(entry)
    again = files.start_again(
        work.store,
        work.entry_id,
        agreement=work.job.agreement.fingerprint,
        run=str(flow_run.id or ""),
    )
    archives.assign_to_attempt(work.store, work.entry_id, work.attempt, again.attempt)
    files.move_to(work.store, work.entry_id, "submitting")
    return replace(work, attempt=again.attempt)


def _counter(work: _Work, turn: ImportSlot) -> BatchSender:
    calls = work.job.agreement.read_back_calls
    return BatchSender(
        work.store, work.client, work.entry_id, work.attempt, work.guard, turn,
        work.account.import_timeout_seconds, work.account.rate_limit_name,
        load(Ledger, work.job.agreement.ledger).open_storage,
        Judge(work.client, calls, work.known, work.released_at),
    )  # fmt: skip


def _released_at(claim: Claim) -> datetime | None:
    decision = claim.decision
    if decision is None or (decision.reason, decision.verdict) != (MAYBE_SENT, "release"):
        return None
    return decision.decided_at


def _known(work: _Work, prepared: Prepared) -> KnownImports:
    """Whom the client's files may have brought before: by the last one's snapshot, or anybody."""
    if not batches.others_were_sent(work.store, work.entry_id, work.attempt):
        return lambda people: people.clear()
    key = key_of(work.store, work.job.agreement.client, work.job.agreement.stream)
    former = prepared.compared.previous if prepared.compared else None
    if former is None or key is None:
        return everybody
    hashes = all_people(former)
    return lambda people: who_is_missing(people, hashes, key)


def _held_for(work: _Work, prepared: Prepared, doubt: MaybeSent) -> Submission:
    """The file held in the middle of its batches: those that are done stay so."""
    counts = asdict(prepared.counts) | prepared.ledger_figures
    files.move_to(
        work.store, work.entry_id, "held", reason=MAYBE_SENT, counts=counts, also=work.guard.within
    )
    return Submission(prepared.counts, hold=Hold(MAYBE_SENT, str(doubt)))


def batch_requests(
    agreement: ImportAgreement,
    batches: Iterable[Batch],
    groups: dict[tuple[int, str], int],
    absent: Collection[int] = (),
    keys: ComparedKeys = NO_KEYS,
) -> Iterator[BatchRequest]:
    """Every batch as it is sent, one after the other; without the lines that were left out.

    `keys` says whose second key is another one than MailUp's, or was not compared.
    """
    for batch, every in encoded(batches):
        texts = every
        if absent and is_granted(batch):
            texts = every.filter(~batch.records()[LINE].is_in(list(absent)))
        elif keys != NO_KEYS and batch.destination.import_type == "default":
            texts = recipient_objects(_with_known_keys(agreement, batch, keys))
        if texts.len():
            target = _target(agreement, batch.destination, groups)
            yield BatchRequest.of(batch.number, texts.len(), array(texts), target)


def _with_known_keys(agreement: ImportAgreement, batch: Batch, keys: ComparedKeys) -> pl.DataFrame:
    records = batch.records()
    if (batch.destination.list_id, batch.destination.channel) in keys.not_compared:
        return without_second_key(records, records[LINE])
    if agreement.mapping.second_key == "reject":
        return records.filter(~pl.col(LINE).is_in(list(keys.lines)))
    return without_second_key(records, keys.lines)


def _target(
    agreement: ImportAgreement, to: Destination, groups: dict[tuple[int, str], int]
) -> ImportTarget:
    return ImportTarget(
        list_id=to.list_id,
        group_id=groups[to.list_id, to.group] if to.group else None,
        channel=to.channel,
        import_type=to.import_type,
        confirm_email=agreement.confirm_email
        and to.channel == "email"
        and to.import_type == "default",
        clear_missing_fields=to.clear,
        replace_groups=agreement.replace_groups and bool(to.group),
    )


def _compare(counts: Counts, entries: list[BatchEntry], refused: RejectedByMailUp) -> Submission:
    """Set MailUp's counters beside what was sent; a difference holds the file for a look."""
    imports = tuple(
        {"import_id": entry.import_id, "list_id": entry.target["list_id"],
         "import_type": entry.target["import_type"], "sent": entry.rows, **entry.counters}
        for entry in entries
    )  # fmt: skip
    given = sum(entry.counters.get("rows", 0) for entry in entries)
    sent = counts.submitted + len(refused.lines)
    hold = None
    if given != sent:
        hold = Hold(
            COUNTS_DIFFER,
            f"{sent} records were sent, but MailUp counts {given}. Compare "
            "the imports listed in the result with MailUp's console before this file is released.",
        )
    return Submission(counts.conserved(), imports, refused, hold)


def _commit(
    work: _Work, submission: Submission, prepared: Prepared, entries: list[BatchEntry]
) -> None:
    """Mark the file, and what MailUp has of it with it: the commit point of an import."""
    counts = asdict(submission.counts) | prepared.ledger_figures
    if submission.hold:
        reason = submission.hold.reason
        files.move_to(
            work.store, work.entry_id, "held", reason=reason, counts=counts, also=work.guard.within
        )
        return
    keep = snapshot(
        work.store, work.job.agreement, prepared, work.planned, entries,
        file_id=work.entry_id, attempt=work.attempt,
        differing=work.keys.lines | of_lists(prepared.batches, work.keys.not_compared),
    )  # fmt: skip
    counts |= {UNSURE: keep.unsure}

    def alone(connection: Connection) -> None:
        work.guard.within(connection)
        keep(connection)

    files.move_to(work.store, work.entry_id, "submitted", counts=counts, also=alone)
