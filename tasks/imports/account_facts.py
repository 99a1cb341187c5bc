"""Consult: ask MailUp, read-only, for what decides about records."""

from dataclasses import replace
from pathlib import Path

from prefect import get_run_logger

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError
from blocks.loading import load
from blocks.mailup.client import MailUpClient
from tasks.imports.refusals import write_refusals
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.settings import check_grant
from tasks.records.stages import AccountFacts, Fetched
from tasks.runs.retrying import unit
from tasks.runs.scratch import fresh_folder
from tasks.runs.steps import connected, order_of_calls


@unit("consult", "consult MailUp account {agreement.account}")
def consult(agreement: ImportAgreement, *, dry_run: bool) -> AccountFacts:
    """Dynamic fields and groups of the account, asked once per run.

    ConfigurationError where a list of the agreement is not among those that the user may see.
    """
    account = load(MailUpAccount, agreement.account)
    today = account.today()
    check_grant(agreement.consent, today)
    order = order_of_calls(agreement.ledger, dry_run=dry_run)
    with order as store, connected(account, store) as client:
        _require_lists(agreement, client)
        fields = {field.id: field.name for field in client.dynamic_fields()}
        groups = {
            list_id: {group.id: group.name for group in client.groups(list_id)}
            for list_id in (agreement.lists if agreement.uses_groups else ())
        }
        get_run_logger().info("MailUp was asked in %d calls", client.calls)
    return AccountFacts(
        fields, groups, None, today, account.import_batch_size, account.rate_limit_name
    )


def facts_for(
    agreement: ImportAgreement,
    fetched: Fetched,
    facts: AccountFacts,
    scratch: Path,
    *,
    dry_run: bool,
) -> AccountFacts:
    """The facts that decide about one file: where consent needs it, who is not subscribed now."""
    if not agreement.consent.asks_mailup:
        return facts
    return _ask(agreement, fetched, facts, scratch, dry_run=dry_run)


@unit("ask", "ask who is not subscribed, for {fetched.name}")
def _ask(
    agreement: ImportAgreement,
    fetched: Fetched,
    facts: AccountFacts,
    scratch: Path,
    *,
    dry_run: bool,
) -> AccountFacts:
    """Who said no, directly before the file is read."""
    account = load(MailUpAccount, agreement.account)
    today = account.today()
    check_grant(agreement.consent, today)
    order = order_of_calls(agreement.ledger, dry_run=dry_run)
    folder = fresh_folder(scratch / "asked" / fetched.path.name) / "refusals"
    with order as store, connected(account, store) as client:
        refusals = write_refusals(folder, agreement, client)
        get_run_logger().info("Who is not subscribed was asked in %d calls", client.calls)
    return replace(facts, refusals=refusals, today=today)


def _require_lists(agreement: ImportAgreement, client: MailUpClient) -> None:
    visible = {each.id for each in client.lists()}
    missing = sorted(set(agreement.lists) - visible)
    if missing:
        raise ConfigurationError(
            f"The MailUp user of block {agreement.account!r} cannot see list "
            f"{', '.join(map(str, missing))}; visible are {', '.join(map(str, sorted(visible)))}. "
            "Correct list_id (or mapping.lists), or give the user permission for the list."
        )
