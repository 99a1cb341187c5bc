"""Prepare: from a fetched file to batches that are ready to be sent, and to what was refused."""

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
    """Read a file to its end and decide about every record; nothing leaves the machine.

    A file that is not what was agreed comes back with `hold` set and no batches. A file
    that was released passes the limits, never one that is damaged.
    """
    agreement, facts = job.agreement, job.facts
    folder = fresh_folder(job.scratch / "prepared" / fetched.path.name)
    former = previous_snapshot(job, claim, folder)
    try:
        path = _opened(agreement, fetched.path, folder)
        prepared = read_file(
            path, agreement, facts, folder,
            batch_size=facts.batch_size, today=facts.today,
            snapshot=former.snapshot if former else None, granted=claim.granted,
        )  # fmt: skip
    except FileHeld as held:
        return Prepared(hold=_hold(held))
    if former:
        compared, replayed = former.noted(prepared.compared), fetched.remote is None
        compared = decide_missing(agreement.delta, compared, claim, replayed=replayed)
        prepared = replace(prepared, compared=compared)
    if not claim.released:
        prepared = _within_limits(agreement, fetched, claim, prepared)
    get_run_logger().info("%s was read: %d records", fetched.name, prepared.counts.records)
    return prepared


def _opened(agreement: ImportAgreement, path: Path, folder: Path) -> Path:
    """The file decrypted, unpacked and made CSV, as far as it was agreed."""
    if agreement.decryption_key:
        path = decrypt(path, load(GpgKey, agreement.decryption_key), folder)
    return as_csv(agreement, path, folder)


def _within_limits(
    agreement: ImportAgreement, fetched: Fetched, claim: Claim, prepared: Prepared
) -> Prepared:
    """The same, or held where it breaks a limit or is unlike the client's last files."""
    now = FileFigures.of(fetched.size, asdict(prepared.counts) | prepared.ledger_figures)
    complaints = [
        # First, for its code is the one that is decided about.
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
    if not complaints:
        return prepared
    told = [complaint.sentence for complaint in complaints]
    if any(complaint.reason.endswith("_rejects") for complaint in complaints):
        told.append(settings_that_accept(prepared.reasons))
    sentences = " ".join(filter(None, told))
    return prepared.held(Hold(complaints[0].reason, f"{sentences} Nothing of it was sent."))


def _hold(held: FileHeld) -> Hold:
    return Hold(str(held.context.get("reason", "held")), str(held))
