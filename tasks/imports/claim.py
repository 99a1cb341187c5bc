"""Claim: enter a file in the ledger, or read how far earlier runs came with it."""

from prefect import get_run_logger
from prefect.runtime import flow_run

from blocks.ledger import files, grants, journal
from blocks.ledger.decisions import Decision
from blocks.ledger.files import FileEntry, FileKey
from blocks.ledger.progress import SEEN_AGAIN
from blocks.ledger.store import Store, naive_utc_now
from blocks.ledgers import Ledger
from blocks.loading import load
from tasks.imports.decisions import close_question, current_decision, waits_elsewhere
from tasks.records.agreement import ImportAgreement
from tasks.records.counts import Counts
from tasks.records.job import ImportJob
from tasks.records.stages import MAYBE_SENT, Claim, Done, Fetched
from tasks.records.validation.history import FileFigures
from tasks.runs.retrying import retried_task


@retried_task("claim", "claim {fetched.name}")
def claim(job: ImportJob, fetched: Fetched) -> Claim:
    """Enter the file in the ledger, or read how far earlier runs came with it.

    A dry run only reads. With `release`, a file that was reported or refused starts again.
    """
    agreement, dry_run, release = job.agreement, job.dry_run, job.release
    key = FileKey(agreement.client, agreement.stream, fetched.sha256)
    history: tuple[FileFigures, ...] = ()
    entry, decision, interrupted, granted = None, None, False, frozenset[int]()
    with load(Ledger, agreement.ledger).open(read_only=dry_run) as store:
        if not store.is_empty:
            history = _history(store, key, agreement.habit.files)
            entry = files.find(store, key)
        if not dry_run:
            entry = _entered(store, key, entry, agreement, fetched, release=release)
            if fetched.remote is not None:
                _close_replaced(store, key, entry, fetched.name)
            interrupted = _is_interrupted(store, entry, agreement)
        if entry is not None:
            decision = current_decision(store, entry, release=release and not dry_run)
            granted = grants.unfinished(store, entry.id)
    if entry is None:
        now = naive_utc_now()
        return Claim(
            fetched.name, 0, 0, now, "nothing", fetched.name, Counts(), history, released=release
        )
    get_run_logger().info("In the ledger, %s is %s", fetched.name, entry.state)
    done = _done(entry, decision, may_wait=not (dry_run or release))
    if interrupted:
        done = "submitted"  # the report is repeated, then the source file is moved
    sent = entry.state in ("submitting", "submitted", "reported") or entry.reason == MAYBE_SENT
    passes = sent or (decision is not None and decision.verdict == "release")
    return Claim(
        fetched.name, entry.id, entry.attempt, entry.seen_at, done, entry.name,
        Counts.of(entry.counts), history, reason=entry.reason, released=release or passes,
        decision=decision, waiting_run=entry.waiting_run, granted=granted,
    )  # fmt: skip


def _done(entry: FileEntry, decision: Decision | None, *, may_wait: bool) -> Done:
    if entry.state in ("submitted", "reported", "refused"):
        return entry.state
    if entry.state == "held" and decision is not None and decision.verdict == "refuse":
        return "refused"
    undecided = entry.state == "held" and decision is None
    return "waiting" if may_wait and undecided and waits_elsewhere(entry) else "nothing"


def _is_interrupted(store: Store, entry: FileEntry, agreement: ImportAgreement) -> bool:
    """Whether an earlier run reported the file but did not move the source file."""
    stays = entry.state != "reported" or agreement.source.afterwards == "leave"
    return not stays and not journal.is_source_moved(store, entry.id)


def _close_replaced(store: Store, key: FileKey, entry: FileEntry, name: str) -> None:
    """Cancel the run that waits for a decision about a held file if its content was replaced."""
    for other in files.waiting(store, key.client, key.stream):
        if other.name == name and other.id != entry.id:
            because = f"The client has replaced {name}: no decision is needed."
            close_question(store, other.id, other.waiting_run, because)


def _history(store: Store, key: FileKey, limit: int) -> tuple[FileFigures, ...]:
    entries = files.imported_last(store, key.client, key.stream, limit=limit)
    return tuple(FileFigures.of(each.size, each.counts) for each in entries)


def _entered(
    store: Store,
    key: FileKey,
    entry: FileEntry | None,
    agreement: ImportAgreement,
    fetched: Fetched,
    *,
    release: bool,
) -> FileEntry:
    run = str(flow_run.id or "")
    if entry is None:
        return files.enter(
            store,
            key,
            name=fetched.name,
            size=fetched.size,
            agreement=agreement.fingerprint,
            run=run,
        )
    others_since = agreement.same_content == "import-after-others" and files.superseded(
        store, key, entry
    )
    again = entry.state == "refused" and release
    if again or (entry.state == "reported" and (release or others_since)):
        return files.start_again(store, entry.id, agreement=agreement.fingerprint, run=run)
    if entry.state == "reported" and journal.is_source_moved(store, entry.id):
        # It was moved after its import, so the client has sent it again.
        journal.note(store, key.client, key.stream, SEEN_AGAIN, file_id=entry.id, run=run)
    return entry
