"""Report: deliver the result to the client and the operator, and move the source file."""

from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact

from blocks.errors import FileGone, PathRefused
from blocks.errors.shown import in_json, in_markdown
from blocks.ledger import files, journal
from blocks.ledger.leases import Guard
from blocks.ledger.store import Store
from blocks.ledgers import Ledger
from blocks.loading import load
from blocks.servers import load_server
from blocks.transport.base import Transport
from blocks.transport.delivery import deliver
from tasks.files.remote_paths import fitting, join, unique_name
from tasks.imports.decisions import close_question, may_ask, this_run
from tasks.imports.move_source import move_source_file
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.second_key import NOT_COMPARED
from tasks.records.job import ImportJob
from tasks.records.mapping.resolve import display_names
from tasks.records.reading.tables import from_csv
from tasks.records.results.held_file import HELD_ENDING, write_held
from tasks.records.results.notes_file import write_notes
from tasks.records.results.parts import part_paths, read_parts
from tasks.records.results.reject_file import write_rejects
from tasks.records.results.skipped_file import write_skipped
from tasks.records.source import processed_path
from tasks.records.stages import Claim, Fetched, FileOutcome, Prepared, Submission
from tasks.runs.retrying import retried_task
from tasks.runs.steps import steps_since_last_report
from tasks.texts.import_result import (
    counted,
    first_lines,
    import_summary,
    reasons,
    result_document,
)


@retried_task("report", "report {fetched.name}")
def report(
    job: ImportJob, fetched: Fetched, claim: Claim, prepared: Prepared, submission: Submission
) -> FileOutcome:
    """Deliver the results, record that in the ledger, and move the source file, in this order.

    Each step is idempotent. A dry run only reports. Before each step the lease is checked, as
    another run may have taken over after a standstill.
    """
    agreement = job.agreement
    outcome = _outcome(fetched, claim, prepared, submission, dry_run=job.dry_run)
    if outcome.outcome == "waiting":
        return outcome  # it was reported when it was held
    delivered = []
    if job.lease is not None:
        document = result_document(agreement, fetched, claim, prepared, submission, outcome)
        with (
            load(Ledger, agreement.ledger).open() as store,
            load_server(agreement.server).connect() as server,
        ):
            guard = Guard(store, job.lease)
            delivered = _deliver(agreement, fetched, claim, prepared, document, server, guard)
            _record(store, guard, claim, prepared, outcome)
            if outcome.outcome != "held":
                guard()
                refused = outcome.outcome == "refused"
                _move_source(agreement, fetched, claim, server, refused=refused)
        if outcome.outcome == "imported" and agreement.source.afterwards != "leave":
            _record_moved(agreement, claim)
    _show(agreement, outcome, prepared, submission, delivered)
    return outcome


def _outcome(
    fetched: Fetched, claim: Claim, prepared: Prepared, submission: Submission, *, dry_run: bool
) -> FileOutcome:
    known = FileOutcome(
        fetched.name,
        "imported",
        claim.counts,
        entry_id=claim.entry_id,
        waiting_run=claim.waiting_run,
        decision=claim.decision,
    )
    compared = submission.compared or prepared.compared
    known = replace(
        known,
        compared=compared,
        unsubscribed=submission.unsubscribed,
        not_compared=submission.second_key.get(NOT_COMPARED, 0),
    )
    hold = prepared.hold or submission.hold
    if claim.progress in ("waiting", "refused"):
        return replace(known, outcome=claim.progress)
    if claim.progress == "reported":
        return replace(known, outcome="already_imported")
    if hold:
        asks = hold.decidable and not dry_run and may_ask()
        counts = submission.counts if submission.hold else prepared.counts
        why = reasons(prepared, submission)
        return replace(known, outcome="held", counts=counts, hold=hold, asks=asks, reasons=why)
    if dry_run:
        return replace(known, outcome="dry_run", counts=submission.counts)
    return replace(known, counts=submission.counts, refused=submission.refused)


def _deliver(
    agreement: ImportAgreement,
    fetched: Fetched,
    claim: Claim,
    prepared: Prepared,
    document: dict[str, Any],
    server: Transport,
    guard: Guard,
) -> list[str]:
    """Write the result files and deliver them; return their paths on the server."""
    name = fetched.name
    if agreement.results.names == "unique":
        name = unique_name(name, fetched.sha256, claim.seen_at)
    results = [(_written_document(fetched.path, document), fitting(name, ".result.json"))]
    language, dialect = agreement.results.language, prepared.dialect
    if dialect and document["counts"]["rejected"] and not prepared.hold:
        path = fetched.path.with_suffix(".rejects")
        write_rejects(path, read_parts(prepared.rejects), dialect, language)
        path, ending = from_csv(path, agreement.table, agreement.dialect)
        results.append((path, fitting(name, f".rejects{ending}")))
    if dialect and document["counts"]["rejected"] and prepared.hold:
        path = fetched.path.with_suffix(".held")
        write_held(
            path, read_parts(prepared.rejects), dialect, language,
            reason=prepared.hold.reason, rejected=document["counts"]["rejected"],
        )  # fmt: skip
        results.append((path, fitting(name, HELD_ENDING)))
    for kind, parts, write in (
        ("skipped", prepared.skipped, write_skipped),
        ("notes", prepared.notes, write_notes),
    ):
        if dialect and part_paths(parts) and not prepared.hold:
            path = fetched.path.with_suffix(f".{kind}")
            write(path, read_parts(parts), dialect, language)
            results.append((path, fitting(name, f".{kind}.csv")))
    folder = join(agreement.source.folder, agreement.results.folder)
    server.make_folder(folder)
    for path, final in results:
        guard()
        deliver(server, path, folder, final)
    if document["outcome"] == "imported":  # from before the release, or of an earlier file
        with suppress(FileGone, PathRefused):
            server.remove(join(folder, fitting(name, HELD_ENDING)))
    return [join(folder, final) for _, final in results]


def _written_document(fetched: Path, document: dict[str, Any]) -> Path:
    path = fetched.with_suffix(".result")
    text = in_json(document) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def _record(
    store: Store, guard: Guard, claim: Claim, prepared: Prepared, outcome: FileOutcome
) -> None:
    """Record the file's state, and the run that waits for a decision about it."""
    if outcome.outcome == "imported":
        files.move_to(store, claim.entry_id, "reported", also=guard.within)
    elif outcome.outcome == "refused":
        files.move_to(store, claim.entry_id, "refused", reason=claim.reason, also=guard.within)
    elif prepared.hold:
        counts = asdict(prepared.counts) | prepared.ledger_figures
        reason = prepared.hold.reason
        files.move_to(
            store, claim.entry_id, "held", reason=reason, counts=counts, also=guard.within
        )
    if outcome.asks:
        files.set_waiting(store, claim.entry_id, this_run())
    elif claim.waiting_run:
        close_question(
            store, claim.entry_id, claim.waiting_run, f"{outcome.name}: {outcome.outcome}."
        )


def _move_source(
    agreement: ImportAgreement,
    fetched: Fetched,
    claim: Claim,
    server: Transport,
    *,
    refused: bool,
) -> None:
    """Move or rename the source file as agreed."""
    unique = unique_name(fetched.name, fetched.sha256, claim.seen_at)
    goal = processed_path(agreement.source, unique, refused=refused)
    if goal is not None:
        move_source_file(server, agreement.source, fetched, goal)


def _record_moved(agreement: ImportAgreement, claim: Claim) -> None:
    """Record the move: the same content in the folder is then a new file of the client."""
    with load(Ledger, agreement.ledger).open() as store:
        journal.note(
            store, agreement.client, agreement.stream, journal.SOURCE_MOVED, file_id=claim.entry_id
        )


def _show(
    agreement: ImportAgreement,
    outcome: FileOutcome,
    prepared: Prepared,
    submission: Submission,
    delivered: list[str],
) -> None:
    rejects = []
    if outcome.outcome == "dry_run":
        columns = prepared.dialect.columns if prepared.dialect else ()
        names = display_names(columns, agreement.column_names)
        rejects = first_lines(read_parts(prepared.rejects), names)
    create_markdown_artifact(
        key=f"{agreement.client}-import-recipients",
        markdown=import_summary(
            outcome, prepared, submission, steps_since_last_report(), rejects, delivered
        ),
        description=f"{in_markdown(outcome.name)}: {outcome.outcome}",
    )
    get_run_logger().info("%s: %s %s", outcome.name, outcome.outcome, counted(outcome.counts))
