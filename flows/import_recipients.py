"""Import recipients: a client's CSV files reach a MailUp list.

Needs a server block (SftpServer, FtpsServer or FtpServer), a MailUpAccount and a Ledger block; the
agreement names them.
"""

from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State

from blocks.ledger.leases import Lease
from blocks.transport.base import RemoteFile
from tasks.collect import fetch, look
from tasks.conclude import conclude, run_name, show_files_in_name
from tasks.consult import consult
from tasks.decide import recall, wait_for_decision
from tasks.failing import telling
from tasks.prepare import prepare
from tasks.records.agreement import ImportAgreement
from tasks.records.handover import AccountFacts, Outcome, Prepared, Submission
from tasks.remember import claim, working_alone
from tasks.report import report
from tasks.scratch import scratch_folder
from tasks.submit import submit


@flow(name="import-recipients", flow_run_name=run_name)
@telling
def import_recipients(
    file: str = "",
    dry_run: bool = False,
    release: bool = False,
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
        agreement: What was agreed with the client; a manual run seldom changes it.
    """
    outcomes: list[Outcome] = []
    alone = working_alone(agreement.ledger, agreement.client, agreement.stream, dry_run=dry_run)
    with alone as lease, scratch_folder() as scratch:
        decided = recall(agreement, dry_run=dry_run)
        files = look(agreement, file)
        show_files_in_name(agreement, files)
        facts = consult(agreement, scratch) if files else AccountFacts()
        for remote in files:
            outcomes += _import(agreement, remote, facts, lease, scratch, release=release)
            if outcomes and outcomes[-1].fate in ("held", "waiting"):
                break  # a later file must not be overtaken by this one once it is released
    wait_for_decision(agreement, outcomes)
    return conclude(outcomes, len(files), decided)


def _import(
    agreement: ImportAgreement,
    remote: RemoteFile,
    facts: AccountFacts,
    lease: Lease | None,
    scratch: Path,
    *,
    release: bool,
) -> list[Outcome]:
    """One file from the server to its report; nothing where it is left for the next run."""
    dry_run = lease is None
    fetched = fetch(agreement, remote, scratch)
    if fetched is None:
        return []
    known = claim(agreement, fetched, dry_run=dry_run, release=release)
    prepared, submission = Prepared(), Submission()
    if known.is_open:
        prepared = prepare(agreement, fetched, known, facts, scratch)
        if lease is not None:
            submission = submit(agreement, prepared, known, facts, lease)
    return [report(agreement, fetched, known, prepared, submission, dry_run=dry_run)]
