"""Consult: ask MailUp, read-only, for what decides about records."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import polars as pl
from prefect import get_run_logger

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError
from blocks.loading import load
from blocks.mailup.client import MailUpClient
from blocks.mailup.pages.moments import local_day
from blocks.mailup.resources.imports import Channel
from blocks.mailup.resources.models import Optin
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.rejoining import SEEN
from tasks.records.consent.settings import check_grant
from tasks.records.frames import UNSUBSCRIBED_PEOPLE
from tasks.records.job import ImportJob
from tasks.records.results.parts import Parts
from tasks.records.stages import AccountFacts, Fetched
from tasks.runs.retrying import retried_task
from tasks.runs.scratch import fresh_folder
from tasks.runs.steps import mailup_client, shared_call_order


@retried_task("consult", "consult MailUp account {agreement.account}")
def fetch_account_facts(agreement: ImportAgreement, *, dry_run: bool) -> AccountFacts:
    """Dynamic fields and groups of the account, asked once per run.

    ConfigurationError where a list of the agreement is not among those that the user may see.
    """
    account = load(MailUpAccount, agreement.account)
    today = account.today()
    order = shared_call_order(agreement.ledger, dry_run=dry_run)
    with order as store, mailup_client(account, store) as client:
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


def facts_for(job: ImportJob, fetched: Fetched) -> AccountFacts:
    """The facts that decide about one file: where consent needs it, who is not subscribed now."""
    return _ask(job, fetched) if job.agreement.consent.asks_mailup else job.facts


@retried_task("ask", "ask who is not subscribed, for {fetched.name}")
def _ask(job: ImportJob, fetched: Fetched) -> AccountFacts:
    """Who said no, directly before the file is read."""
    agreement = job.agreement
    account = load(MailUpAccount, agreement.account)
    today = account.today()
    check_grant(agreement.consent, today)
    order = shared_call_order(agreement.ledger, dry_run=job.dry_run)
    folder = fresh_folder(job.scratch / "asked" / fetched.path.name) / "refusals"
    with order as store, mailup_client(account, store) as client:
        refusals = write_refusals(folder, agreement, client, account.zone)
        get_run_logger().info("Who is not subscribed was asked in %d calls", client.calls)
    return replace(job.facts, unsubscribed=refusals, today=today)


def _require_lists(agreement: ImportAgreement, client: MailUpClient) -> None:
    visible = {each.id for each in client.lists()}
    missing = sorted(set(agreement.lists) - visible)
    if missing:
        raise ConfigurationError(
            f"The MailUp user of block {agreement.account!r} cannot see list "
            f"{', '.join(map(str, missing))}; visible are {', '.join(map(str, sorted(visible)))}. "
            "Correct list_id (or mapping.lists), or give the user permission for the list."
        )


CHANNELS: dict[str, tuple[Channel, ...]] = {
    "email": ("email",),
    "mobile": ("sms",),
    "both": ("email", "sms"),
}


def write_refusals(
    folder: Path, agreement: ImportAgreement, client: MailUpClient, zone: str
) -> Path:
    """Write everybody who unsubscribed, bounced, complained or is pending in the agreement's lists.

    Returns a folder of Parquet parts with schema UNSUBSCRIBED, one per page of MailUp's answer.
    Days are those of the account's `zone`.
    """
    parts = Parts(folder)
    for list_id in agreement.lists:
        for channel in CHANNELS[agreement.mapping.key]:
            for page in client.unsubscribed(list_id, channel):
                rows = [_told(each, list_id, channel, zone) for each in page]
                parts.add(pl.DataFrame(rows, schema=UNSUBSCRIBED_PEOPLE, orient="row"))
    return folder


def as_seen(people: Iterable[Optin], list_id: int, channel: Channel, zone: str) -> pl.DataFrame:
    """People as MailUp shows them now (schema SEEN), subscribed ones included."""
    rows = [(*_told(each, list_id, channel, zone), each.opted_in) for each in people]
    return pl.DataFrame(rows, schema=SEEN, orient="row")


def _told(
    person: Optin, list_id: int, channel: Channel, zone: str
) -> tuple[int, str, str, str | None, str | None]:
    day = local_day(person.optout_date, zone)
    return list_id, channel, _address(person, channel), _cause(person), day


def _address(person: Optin, channel: Channel) -> str:
    return person.email if channel == "email" else person.prefix + person.number


def _cause(person: Optin) -> str | None:
    # The type alone decides what a cause means; sub-types are not listed completely anywhere.
    return "pending" if person.pending else person.optout_type or None
