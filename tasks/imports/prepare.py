"""Prepare: from a downloaded file to batches that are ready to be sent, and rejects."""

from dataclasses import asdict, replace
from pathlib import Path

from prefect import get_run_logger

from blocks.errors import FileHeld
from blocks.keys import GpgKey
from blocks.loading import load
from tasks.gpg.decrypt import decrypt
from tasks.imports.delta_snapshots import previous_snapshot
from tasks.records.agreement import ImportAgreement
from tasks.records.delta.missing import decide_missing, too_many_missing
from tasks.records.job import ImportJob
from tasks.records.open_file import as_csv
from tasks.records.read_file import read_file
from tasks.records.results.reasons import settings_that_accept
from tasks.records.stages import Claim, Fetched, Hold, Prepared
from tasks.records.validation.history import FileFigures, deviations
from tasks.records.validation.limits import exceeded_limits
from tasks.runs.retrying import retried_task
from tasks.runs.scratch import fresh_folder


@retried_task("prepare", "prepare {fetched.name}")
def prepare(job: ImportJob, fetched: Fetched, claim: Claim) -> Prepared:
    """Read a whole file and determine the outcome of every record; nothing is sent.

    A file that is not as agreed is returned with `hold` and without batches. A released file passes
    the limits, but never if it is damaged.
    """
    agreement, facts = job.agreement, job.facts
    folder = fresh_folder(job.scratch / "prepared" / fetched.path.name)
    previous = previous_snapshot(job, claim, folder)
    try:
        path = _opened(agreement, fetched.path, folder)
        prepared = read_file(
            path, agreement, facts, folder,
            batch_size=facts.batch_size, today=facts.today,
            snapshot=previous.snapshot if previous else None, granted=claim.granted,
        )  # fmt: skip
    except FileHeld as held:
        return Prepared(hold=_hold(held))
    if previous:
        compared, replayed = previous.completed(prepared.compared), fetched.remote is None
        compared = decide_missing(agreement.delta, compared, claim, replayed=replayed)
        prepared = replace(prepared, compared=compared)
    if not claim.released:
        prepared = _within_limits(agreement, fetched, claim, prepared)
    get_run_logger().info("%s was read: %d records", fetched.name, prepared.counts.records)
    return prepared


def _opened(agreement: ImportAgreement, path: Path, folder: Path) -> Path:
    """Decrypt, unpack and convert the file to CSV, as agreed."""
    if agreement.decryption_key:
        path = decrypt(path, load(GpgKey, agreement.decryption_key), folder)
    return as_csv(agreement, path, folder)


def _within_limits(
    agreement: ImportAgreement, fetched: Fetched, claim: Claim, prepared: Prepared
) -> Prepared:
    """Hold the file if it exceeds a limit of the agreement or from history."""
    now = FileFigures.of(fetched.size, asdict(prepared.counts) | prepared.ledger_figures)
    exceeded = [
        # First, because its reason code is the one that is decided about.
        *too_many_missing(agreement.delta, prepared.compared),
        *exceeded_limits(
            agreement.thresholds,
            prepared.counts,
            opt_outs=prepared.opt_outs,
            before=claim.history[0].records if claim.history else 0,
            full=agreement.mode == "full",
            left_out=prepared.left_out,
        ),
        *deviations(agreement.habit, now, claim.history),
    ]
    if not exceeded:
        return prepared
    sentences = [limit.sentence for limit in exceeded]
    if any(limit.reason.endswith("_rejects") for limit in exceeded):
        sentences.append(settings_that_accept(prepared.reasons))
    text = " ".join(filter(None, sentences))
    return prepared.held(Hold(exceeded[0].reason, f"{text} Nothing of it was sent."))


def _hold(held: FileHeld) -> Hold:
    return Hold(str(held.context.get("reason", "held")), str(held))
