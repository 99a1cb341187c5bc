"""Import recipients: imports a client's CSV files into MailUp lists.

Needs a server block (SftpServer, FtpsServer or FtpServer), a MailUpAccount and a Ledger block; the
agreement names them.
"""

from dataclasses import replace
from typing import Annotated

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from blocks.transport.base import RemoteFile
from tasks.imports.account_facts import facts_for, fetch_account_facts
from tasks.imports.archive import archive, delete_expired
from tasks.imports.claim import claim
from tasks.imports.collect import fetch, find_files, report_skipped_names
from tasks.imports.decisions import read_decision, wait_for_decision
from tasks.imports.final_state import final_state
from tasks.imports.prepare import prepare
from tasks.imports.replay import ReplayWith, compare, load_archived, replay_state, without_grant
from tasks.imports.report import report
from tasks.imports.second_key import preview_second_keys
from tasks.imports.second_look import verify_granted
from tasks.imports.submit import submit
from tasks.imports.turn import early_slot
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.grounds import check_grounds
from tasks.records.job import ImportJob
from tasks.records.stages import AccountFacts, Fetched, FileOutcome, Prepared, Submission
from tasks.runs.failure import reports_failure
from tasks.runs.lease import working_alone
from tasks.runs.naming import run_name, show_files_in_name
from tasks.runs.scratch import scratch_folder


@flow(name="import-recipients", flow_run_name=run_name)
@reports_failure
def import_recipients(
    file: str = "",
    dry_run: bool = False,
    release: bool = False,
    send_all: bool = False,
    replay: Annotated[int, Field(ge=0)] = 0,
    replay_with: ReplayWith = "its-day",
    send: bool = False,
    *,
    agreement: ImportAgreement,
) -> State[None]:
    """
    Import a client's files into MailUp.

    Args:
        file: Name of one file in the source folder to import, whatever the pattern; empty for all
            matching files.
        dry_run: Report what would be sent, and change nothing.
        release: Import a file that a limit holds, or that was imported or refused before.
        send_all: Also send rows that have not changed since the last file (delta).
        replay: Number of a file in the ledger to replay from the archive: its requests are compared
            with the original ones, and nothing is sent. 0 for no replay.
        replay_with: Use the original agreement or the one of today for a replay.
        send: Import the replayed file again; people who have left are not subscribed again.
        agreement: The agreement with the client; a manual run rarely changes it.
    """
    if replay:
        return _replay(agreement, replay, replay_with, send=send and not dry_run)
    outcomes: list[FileOutcome] = []
    alone = working_alone(agreement.ledger, agreement.client, agreement.stream, dry_run=dry_run)
    with alone as lease, scratch_folder() as scratch:
        delete_expired(agreement, lease)
        decided = read_decision(agreement, dry_run=dry_run)
        found = find_files(agreement, file)
        files = found.files
        report_skipped_names(agreement, found, dry_run=dry_run)
        show_files_in_name(agreement, files)
        facts = fetch_account_facts(agreement, dry_run=dry_run) if files else AccountFacts()
        job = ImportJob(agreement, facts, scratch, lease, release, send_all)
        for remote in files:
            outcomes += _import(job, remote)
            if outcomes and outcomes[-1].outcome in ("held", "waiting"):
                break  # a later file must not be overtaken by this one once it is released
    wait_for_decision(agreement, outcomes)
    return final_state(outcomes, len(files), decided, skipped_names=found.skipped_names)


def _import(job: ImportJob, remote: RemoteFile) -> list[FileOutcome]:
    """Import one file from the server; nothing if it is left for the next run."""
    fetched = fetch(job, remote)
    return [_carry_out(job, fetched)] if fetched else []


def _carry_out(job: ImportJob, fetched: Fetched) -> FileOutcome:
    """Import one downloaded file, up to its report."""
    claimed = claim(job, fetched)
    prepared, submission = Prepared(), Submission()
    if claimed.is_open:
        sends = not job.dry_run and claimed.progress == "nothing"
        asks = job.agreement.consent.asks_mailup
        with early_slot(job.agreement, needed=sends and asks) as turn:
            if turn is not None and claimed.granted:
                verify_granted(job, fetched, claimed, turn)
            job = replace(job, facts=facts_for(job, fetched))
            if claimed.progress == "nothing":
                check_grounds(job.agreement.consent, job.agreement.mapping, job.facts.today)
            prepared = prepare(job, fetched, claimed)
            if not job.dry_run:
                archive(job, fetched, claimed, prepared)
                submission = submit(job, prepared, claimed, turn)
            else:
                submission = preview_second_keys(job.agreement, prepared)
    return report(job, fetched, claimed, prepared, submission)


def _replay(
    agreement: ImportAgreement, number: int, replay_with: ReplayWith, *, send: bool
) -> State[None]:
    """Replay an archived file: compare it, or import it again if `send`."""
    with scratch_folder() as scratch:
        archived = load_archived(agreement, number, replay_with, scratch)
        used = without_grant(archived) if send else archived.agreement
        fetched, facts = archived.fetched, archived.facts
        if send or replay_with == "today":
            facts = fetch_account_facts(used, dry_run=not send)
        job = ImportJob(used, facts, scratch, release=True, send_all=True)
        if not send:
            if replay_with == "today":
                job = replace(job, facts=facts_for(job, fetched))
            prepared = prepare(job, fetched, archived.claim)
            return replay_state(archived, compare(archived, prepared, job.facts))
        with working_alone(used.ledger, used.client, used.stream, dry_run=False) as lease:
            outcome = _carry_out(replace(job, lease=lease), fetched)
    return final_state([outcome], 1, None)
