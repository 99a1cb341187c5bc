"""Verifies people whom an earlier run may have subscribed by a grant that is no longer valid.

Those who left while their batch was imported are unsubscribed again, whatever the agreement says
now; only then does the run stop because of the grant.
"""

from dataclasses import replace

from prefect import get_run_logger

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError
from blocks.ledger.turns import ImportSlot
from blocks.loading import load
from tasks.imports.account_facts import facts_for
from tasks.imports.prepare import prepare
from tasks.imports.submit import finish_granted
from tasks.records.consent.settings import check_grant, without_opt_in
from tasks.records.job import ImportJob
from tasks.records.stages import Claim, Fetched


def verify_granted(job: ImportJob, fetched: Fetched, claim: Claim, turn: ImportSlot) -> None:
    """Finish the granted batches of earlier runs if the grant is not valid today."""
    consent = job.agreement.consent
    try:
        check_grant(consent, load(MailUpAccount, job.agreement.account).today())
        return  # submit verifies them
    except ConfigurationError as error:
        get_run_logger().warning("%s People whom it subscribed are verified", error)
    without_grant = job.agreement.model_copy(update={"consent": without_opt_in(consent)})
    job = replace(job, agreement=without_grant, send_all=True)
    job = replace(job, facts=facts_for(job, fetched))
    finish_granted(job, prepare(job, fetched, claim), claim, turn)
