"""Import recipients: a client's CSV files reach a MailUp list.

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
from tasks.imports.collect import fetch, find_files, tell_of_passed_over
from tasks.imports.decisions import recall, wait_for_decision
from tasks.imports.final_state import final_state
from tasks.imports.prepare import prepare
from tasks.imports.replay import ReplayWith, compare, concluded, take_out, without_grant
from tasks.imports.report import report
from tasks.imports.second_key import foresee_second_keys
from tasks.imports.second_look import look_again
from tasks.imports.submit import submit
from tasks.imports.turn import turn_first
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
        file: Name of one file in the source folder to import now, whatever the pattern says; empty
            for all that match.
        dry_run: Show what would be sent, and change nothing anywhere.
        release: Import a file that a limit holds, or that was imported or refused before, all the
            same.
        send_all: Send rows, too, that MailUp is known to have from the client's last file (delta).
        replay: Number of a file in the ledger to take from the archive instead of the server: what
            it makes is compared with what was sent then, and nothing is sent. 0 for no replay.
        replay_with: Whether a replayed file is read with the agreement of its day or of today.
        send: Import a replayed file once more; people who have left since are not subscribed again.
        agreement: What was agreed with the client; a manual run seldom changes it.
    """
    if replay:
        return _replay(agreement, replay, replay_with, send=send and not dry_run)
    outcomes: list[FileOutcome] = []
    alone = working_alone(agreement.ledger, agreement.client, agreement.stream, dry_run=dry_run)
    with alone as lease, scratch_folder() as scratch:
        delete_expired(agreement, lease)
        decided = recall(agreement, dry_run=dry_run)
        looked = find_files(agreement, file)
        files = looked.files
        tell_of_passed_over(agreement, looked, dry_run=dry_run)
        show_files_in_name(agreement, files)
        facts = fetch_account_facts(agreement, dry_run=dry_run) if files else AccountFacts()
        job = ImportJob(agreement, facts, scratch, lease, release, send_all)
        for remote in files:
            outcomes += _import(job, remote)
            if outcomes and outcomes[-1].outcome in ("held", "waiting"):
                break  # a later file must not be overtaken by this one once it is released
    wait_for_decision(agreement, outcomes)
    return final_state(outcomes, len(files), decided, passed_over=looked.passed_over)


def _import(job: ImportJob, remote: RemoteFile) -> list[FileOutcome]:
    """One file from the server to its report; nothing where it is left for the next run."""
    fetched = fetch(job, remote)
    return [_carry_out(job, fetched)] if fetched else []


def _carry_out(job: ImportJob, fetched: Fetched) -> FileOutcome:
    """One file that is here, to its report."""
    known = claim(job, fetched)
    prepared, submission = Prepared(), Submission()
    if known.is_open:
        sends = not job.dry_run and known.progress == "nothing"
        asks = job.agreement.consent.asks_mailup
        with turn_first(job.agreement, needed=sends and asks) as turn:
            if turn is not None and known.granted:
                look_again(job, fetched, known, turn)
            job = replace(job, facts=facts_for(job, fetched))
            if known.progress == "nothing":
                check_grounds(job.agreement.consent, job.agreement.mapping, job.facts.today)
            prepared = prepare(job, fetched, known)
            if not job.dry_run:
                archive(job, fetched, known, prepared)
                submission = submit(job, prepared, known, turn)
            else:
                submission = foresee_second_keys(job.agreement, prepared)
    return report(job, fetched, known, prepared, submission)


def _replay(
    agreement: ImportAgreement, number: int, replay_with: ReplayWith, *, send: bool
) -> State[None]:
    """A file out of the archive: compared with its day or, on explicit wish, imported once more."""
    with scratch_folder() as scratch:
        recalled = take_out(agreement, number, replay_with, scratch)
        used = without_grant(recalled) if send else recalled.agreement
        fetched, facts = recalled.fetched, recalled.facts
        if send or replay_with == "today":
            facts = fetch_account_facts(used, dry_run=not send)
        job = ImportJob(used, facts, scratch, release=True, send_all=True)
        if not send:
            if replay_with == "today":
                job = replace(job, facts=facts_for(job, fetched))
            prepared = prepare(job, fetched, recalled.claim)
            return concluded(recalled, compare(recalled, prepared, job.facts))
        with working_alone(used.ledger, used.client, used.stream, dry_run=False) as lease:
            outcome = _carry_out(replace(job, lease=lease), fetched)
    return final_state([outcome], 1, None)
