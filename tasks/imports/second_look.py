"""Second look: people whom an earlier run's batches may have subscribed, by a grant that has ended.

Who has left while such a batch was on its way is unsubscribed again, whatever the agreement says
now; only then does the run stop for the grant.
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


def look_again(job: ImportJob, fetched: Fetched, claim: Claim, turn: ImportSlot) -> None:
    """End the granted batches of earlier runs where the grant does not hold today."""
    consent = job.agreement.consent
    try:
        check_grant(consent, load(MailUpAccount, job.agreement.account).today())
        return  # submitting looks, too
    except ConfigurationError as ended:
        get_run_logger().warning("%s People it has subscribed are looked at once more", ended)
    plain = job.agreement.model_copy(update={"consent": without_opt_in(consent)})
    job = replace(job, agreement=plain, send_all=True)
    job = replace(job, facts=facts_for(job, fetched))
    finish_granted(job, prepare(job, fetched, claim), claim, turn)
