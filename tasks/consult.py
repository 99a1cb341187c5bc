"""Consult: ask MailUp, once per run and read-only, for what decides about records."""

from datetime import UTC, datetime
from pathlib import Path

from prefect import get_run_logger

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError
from blocks.loading import load
from blocks.mailup.client import MailUpClient
from tasks.records.agreement import ImportAgreement
from tasks.records.consent import check_grant
from tasks.records.handover import AccountFacts
from tasks.refusals import write_refusals
from tasks.retrying import unit
from tasks.steps import connected, order_of_calls


@unit("consult", "consult MailUp account {agreement.account}")
def consult(agreement: ImportAgreement, scratch: Path, *, dry_run: bool) -> AccountFacts:
    """Dynamic fields and groups of the account and, where consent asks for it, who said no.

    ConfigurationError where a list of the agreement is not among those that the user may see.
    """
    today = datetime.now(UTC).date()
    check_grant(agreement.consent, today)
    account = load(MailUpAccount, agreement.account)
    order = order_of_calls(agreement.ledger, dry_run=dry_run)
    with order as store, connected(account, store) as client:
        _require_lists(agreement, client)
        fields = {field.id: field.name for field in client.dynamic_fields()}
        groups = {
            list_id: {group.id: group.name for group in client.groups(list_id)}
            for list_id in (agreement.lists if agreement.uses_groups else ())
        }
        refusals = None
        if agreement.consent.asks_mailup:
            refusals = write_refusals(scratch / "refusals", agreement, client)
        get_run_logger().info("MailUp was asked in %d calls", client.calls)
    return AccountFacts(
        fields, groups, refusals, today, account.import_batch_size, account.rate_limit_name
    )


def _require_lists(agreement: ImportAgreement, client: MailUpClient) -> None:
    visible = {each.id for each in client.lists()}
    missing = sorted(set(agreement.lists) - visible)
    if missing:
        raise ConfigurationError(
            f"The MailUp user of block {agreement.account!r} cannot see list "
            f"{', '.join(map(str, missing))}; visible are {', '.join(map(str, sorted(visible)))}. "
            "Correct list_id (or mapping.lists), or give the user permission for the list."
        )
