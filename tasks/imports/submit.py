"""Submit: send every batch of a file, wait for MailUp to complete it, and compare the counts."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial

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
from tasks.imports.compare_counts import compare_counts
from tasks.imports.delta_snapshots import (
    NO_PLAN,
    UNCONFIRMED,
    PlannedSnapshot,
    plan_snapshot,
    snapshot,
    stored_comparison,
)
from tasks.imports.groups import group_ids
from tasks.imports.read_back import ReadBack, list_mailup_rejects, rejected_by_mailup
from tasks.imports.rejoining import Rejoining, is_granted, left_out, list_rejoined
from tasks.imports.second_key import SecondKeys, compared_once, list_second_keys
from tasks.imports.turn import slot_of
from tasks.imports.unproven import KnownImports, MaybeSent, ResendCheck, everybody
from tasks.imports.unsubscribe_missing import count_unsubscribed, unsubscribe_missing
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.batches import Batch, repetitions_of
from tasks.records.batching.destinations import Destination
from tasks.records.batching.payloads import array, encoded
from tasks.records.consent.apply import NOBODY
from tasks.records.consent.second_key import of_lists, without_second_key
from tasks.records.delta.missing import who_is_missing
from tasks.records.delta.snapshot import all_people
from tasks.records.frames import LINE, only_key
from tasks.records.job import ImportJob
from tasks.records.read_file import load_unsubscribed
from tasks.records.stages import (
    COUNTS_DIFFER,
    MAYBE_SENT,
    Claim,
    Hold,
    Prepared,
    Submission,
)
from tasks.runs.progress import Progress
from tasks.runs.retrying import retried_task
from tasks.runs.steps import mailup_client

PREFETCHED_REQUESTS = 3
"""Number of requests that are prepared in the background."""


@dataclass(frozen=True)
class _Work:
    """The context of submitting one file; `attempt` numbers its plans."""

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
    """Send the batches that the ledger does not show as done, and compare MailUp's counters.

    Nothing is sent in a dry run. `turn` is the import slot if it is already held. The commit that
    marks the file as submitted comes last.
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
                work = _send_all(work, prepared, groups)
            except MaybeSent as error:
                return _held(work, prepared, error)
        return _finished(work, prepared, claim)


@retried_task("look again", "verify people whom {claim.name} subscribed")
def finish_granted(job: ImportJob, prepared: Prepared, claim: Claim, turn: ImportSlot) -> None:
    """Verify the people of granted batches that were already sent; send nothing else."""
    if prepared.hold or job.lease is None:
        return
    account = load(MailUpAccount, job.agreement.account)
    with (
        load(Ledger, job.agreement.ledger).open() as store,
        mailup_client(account, store, guard=(guard := Guard(store, job.lease))) as client,
    ):
        work = _Work(job, account, client, store, guard, claim.entry_id, claim.attempt, turn)
        work = _start_again(work, turn)
        _rejoining(work, _sender(work, turn)).finish_earlier(prepared)


def _finished(work: _Work, prepared: Prepared, claim: Claim) -> Submission:
    """Compare the counts, list rejected people and those who left, and mark the file."""
    store, agreement = work.store, work.job.agreement
    entries = [each for each in _all_batches(work) if each.purpose == "records"]
    known = claim.progress == "submitted"
    if not known:
        read_back = ReadBack(store, work.client, agreement.read_back_calls)
        entries = read_back.read(entries, prepared.batches)
    refused = rejected_by_mailup(entries)
    granted = grants.of_file(store, work.entry_id)
    absent = len(left_out(granted, work.attempt))
    keys = journal.second_keys(store, work.entry_id, work.attempt) or NO_KEYS
    rejected = len(keys.lines) if agreement.mapping.second_key == "reject" else 0
    now = prepared.counts.refused(len(refused.lines) + rejected).left_out(absent)
    counts = claim.counts if known else now
    repeated = prepared.repeated - repetitions_of(prepared.batches, keys.lines if rejected else ())
    submission = compare_counts(counts, entries, refused, repeated)
    released = claim.decision is not None and claim.decision.reason == COUNTS_DIFFER
    if known or released:  # they were compared before; now `prepared` may have other batches
        submission = replace(submission, hold=None)
    list_mailup_rejects(agreement.mapping, prepared, entries)
    second = list_second_keys(agreement.mapping, prepared, keys)
    if not known:
        if not submission.hold and agreement.delta.on:
            try:
                _unsubscribe_missing(work, prepared)
            except MaybeSent as error:
                return _held(work, prepared, error)
        _commit(work, submission, prepared, entries)
    return replace(
        submission,
        compared=stored_comparison(store, agreement, prepared, work.entry_id),
        unsubscribed=count_unsubscribed(_all_batches(work)),
        extra=batches.extra_imports(store, work.entry_id),
        consent=list_rejoined(prepared, granted, work.attempt),
        second_key=second,
        second_key_calls=keys.calls,
    )


def _send_all(work: _Work, prepared: Prepared, groups: dict[tuple[int, str], int]) -> _Work:
    """Send all batches; as a new attempt if an earlier run began with other ones."""
    basis = work.job.agreement.stated_basis
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
                "with this file: its batches are sent again after those in progress have ended"
            )
            work = _planned(_start_again(work, turn), prepared)
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
    return slot_of(work.store, work.job.agreement, work.account)


def _send(
    work: _Work, prepared: Prepared, groups: dict[tuple[int, str], int], turn: ImportSlot
) -> None:
    sender, total = _sender(work, turn), len(prepared.batches)
    if any(each.purpose == "records" and each.number > total for each in _all_batches(work)):
        raise PlanChanged
    progress = Progress(f"{work.job.agreement.client}-import-progress", "batches are complete")
    rejoining = _rejoining(work, sender)
    rejoining.finish_earlier(prepared)
    others = [each for each in prepared.batches if not is_granted(each)]
    requests = batch_requests(work.job.agreement, others, groups, keys=work.keys)
    for request in prefetched(requests, most=PREFETCHED_REQUESTS):
        sender.send(request, newest_import=rejoining.newest_import)
        progress.set(request.number, total)
    sender.finish()
    for batch in filter(is_granted, prepared.batches):
        rejoining.send(batch, _target(work.job.agreement, batch.destination, groups))
        progress.set(batch.number, total)


def _rejoining(work: _Work, sender: BatchSender) -> Rejoining:
    unsubscribed = load_unsubscribed(work.job.facts) or NOBODY
    newest, consent = work.client.latest_import_id(), work.job.agreement.consent
    return Rejoining(sender, work.account, consent, unsubscribed, newest)


def _all_batches(work: _Work) -> list[BatchEntry]:
    return batches.of_file(work.store, work.entry_id, work.attempt)


def _unsubscribe_missing(work: _Work, prepared: Prepared) -> None:
    begun = any(each.purpose == "missing" for each in _all_batches(work))
    if not begun and not (prepared.compared and prepared.compared.unsubscribes):
        return
    key = key_of(work.store, work.job.agreement.client, work.job.agreement.stream)
    with _turn(work) as turn:
        unsubscribe_missing(
            _sender(work, turn),
            work.job.agreement,
            prepared.compared,
            key,
            batch_size=work.job.facts.batch_size,
        )


def _start_again(work: _Work, turn: ImportSlot) -> _Work:
    sender = _sender(work, turn)
    for entry in _all_batches(work):
        sender.finish_abandoned(entry)
    again = files.start_again(
        work.store,
        work.entry_id,
        agreement=work.job.agreement.fingerprint,
        run=str(flow_run.id or ""),
    )
    archives.assign_to_attempt(work.store, work.entry_id, work.attempt, again.attempt)
    files.move_to(work.store, work.entry_id, "submitting")
    return replace(work, attempt=again.attempt)


def _sender(work: _Work, turn: ImportSlot) -> BatchSender:
    calls = work.job.agreement.read_back_calls
    return BatchSender(
        work.store, work.client, work.entry_id, work.attempt, work.guard, turn,
        work.account.import_timeout_seconds, work.account.rate_limit_name,
        load(Ledger, work.job.agreement.ledger).open_storage,
        ResendCheck(work.client, calls, work.known, work.released_at),
    )  # fmt: skip


def _released_at(claim: Claim) -> datetime | None:
    decision = claim.decision
    if decision is None or (decision.reason, decision.verdict) != (MAYBE_SENT, "release"):
        return None
    return decision.decided_at


def _known(work: _Work, prepared: Prepared) -> KnownImports:
    """People whom earlier files may have imported: those of the last snapshot, or anybody."""
    if not batches.others_were_sent(work.store, work.entry_id, work.attempt):
        return lambda people: people.clear()
    key = key_of(work.store, work.job.agreement.client, work.job.agreement.stream)
    previous = prepared.compared.previous if prepared.compared else None
    if previous is None or key is None:
        return everybody
    hashes = all_people(previous)
    return lambda people: who_is_missing(people, hashes, key)


def _held(work: _Work, prepared: Prepared, error: MaybeSent) -> Submission:
    """Hold the file during sending; completed batches stay completed."""
    counts = asdict(prepared.counts) | prepared.ledger_figures
    files.move_to(
        work.store, work.entry_id, "held", reason=MAYBE_SENT, counts=counts, also=work.guard.within
    )
    return Submission(prepared.counts, hold=Hold(MAYBE_SENT, str(error)))


def batch_requests(
    agreement: ImportAgreement,
    batches: Iterable[Batch],
    groups: dict[tuple[int, str], int],
    absent: Collection[int] = (),
    keys: ComparedKeys = NO_KEYS,
) -> Iterator[BatchRequest]:
    """Yield the requests of batches, in order, without the lines `absent`.

    `keys`: lines whose second key differs from MailUp's or was not compared.
    """
    keep = agreement.mapping.second_key == "keep_known"
    for batch, every in encoded(batches, partial(_without_second_keys, keys, keep)):
        gone = absent if is_granted(batch) else () if keep else _of_batch(keys, batch)
        texts = every.filter(~batch.records()[LINE].is_in(list(gone))) if gone else every
        if texts.len():
            target = _target(agreement, batch.destination, groups)
            yield BatchRequest.of(batch.number, texts.len(), array(texts), target)


def _without_second_keys(
    keys: ComparedKeys, keep: bool, batch: Batch, records: pl.DataFrame
) -> pl.DataFrame:
    to = batch.destination
    if to.import_type == "default" and (to.list_id, to.channel) in keys.not_compared:
        return only_key(records)
    lines = _of_batch(keys, batch) if keep else ()
    return without_second_key(records, lines) if lines else records


def _of_batch(keys: ComparedKeys, batch: Batch) -> Collection[int]:
    """The lines whose second key differs, as far as they may be in a batch."""
    to = batch.destination
    compared = to.import_type == "default" and (to.list_id, to.channel) not in keys.not_compared
    return keys.lines if compared else ()


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


def _commit(
    work: _Work, submission: Submission, prepared: Prepared, entries: list[BatchEntry]
) -> None:
    """Mark the file and activate its snapshot: the commit point of an import."""
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
    counts |= {UNCONFIRMED: keep.unconfirmed}

    def also(connection: Connection) -> None:
        work.guard.within(connection)
        keep(connection)

    files.move_to(work.store, work.entry_id, "submitted", counts=counts, also=also)
