"""Account facts: data of the MailUp account that the processing of records depends on."""

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


@retried_task("consult", "read settings of MailUp account {agreement.account}")
def fetch_account_facts(agreement: ImportAgreement, *, dry_run: bool) -> AccountFacts:
    """Read dynamic fields and groups of the account, once per run.

    ConfigurationError if the user cannot see a list of the agreement.
    """
    account = load(MailUpAccount, agreement.account)
    today = account.today()
    order = shared_call_order(agreement.ledger, dry_run=dry_run)
    with order as store, mailup_client(account, store) as client:
        _check_lists(agreement, client)
        fields = {field.id: field.name for field in client.dynamic_fields()}
        groups = {
            list_id: {group.id: group.name for group in client.groups(list_id)}
            for list_id in (agreement.lists if agreement.uses_groups else ())
        }
        get_run_logger().info("Read the settings of the MailUp account in %d calls", client.calls)
    return AccountFacts(
        fields, groups, None, today, account.import_batch_size, account.rate_limit_name
    )


def facts_for(job: ImportJob, fetched: Fetched) -> AccountFacts:
    """The facts for one file, with the currently unsubscribed people if consent needs them."""
    return _load_unsubscribed(job, fetched) if job.agreement.consent.asks_mailup else job.facts


@retried_task("ask", "read unsubscribed people, for {fetched.name}")
def _load_unsubscribed(job: ImportJob, fetched: Fetched) -> AccountFacts:
    """Read the unsubscribed people, directly before the file is read."""
    agreement = job.agreement
    account = load(MailUpAccount, agreement.account)
    today = account.today()
    check_grant(agreement.consent, today)
    order = shared_call_order(agreement.ledger, dry_run=job.dry_run)
    folder = fresh_folder(job.scratch / "asked" / fetched.path.name) / "unsubscribed"
    with order as store, mailup_client(account, store) as client:
        unsubscribed = write_unsubscribed(folder, agreement, client, account.zone)
        get_run_logger().info("Read the unsubscribed people in %d calls", client.calls)
    return replace(job.facts, unsubscribed=unsubscribed, today=today)


def _check_lists(agreement: ImportAgreement, client: MailUpClient) -> None:
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


def write_unsubscribed(
    folder: Path, agreement: ImportAgreement, client: MailUpClient, zone: str
) -> Path:
    """Write all people of the lists who unsubscribed, bounced, complained or are pending.

    Returns the folder: Parquet parts with schema UNSUBSCRIBED_PEOPLE, one per page. Days are those
    of the account's `zone`.
    """
    parts = Parts(folder)
    for list_id in agreement.lists:
        for channel in CHANNELS[agreement.mapping.key]:
            for page in client.unsubscribed(list_id, channel):
                rows = [_row(each, list_id, channel, zone) for each in page]
                parts.add(pl.DataFrame(rows, schema=UNSUBSCRIBED_PEOPLE, orient="row"))
    return folder


def as_seen(people: Iterable[Optin], list_id: int, channel: Channel, zone: str) -> pl.DataFrame:
    """People as MailUp shows them now (schema SEEN), subscribed ones included."""
    rows = [(*_row(each, list_id, channel, zone), each.opted_in) for each in people]
    return pl.DataFrame(rows, schema=SEEN, orient="row")


def _row(
    person: Optin, list_id: int, channel: Channel, zone: str
) -> tuple[int, str, str, str | None, str | None]:
    day = local_day(person.optout_date, zone)
    return list_id, channel, _address(person, channel), _cause(person), day


def _address(person: Optin, channel: Channel) -> str:
    return person.email if channel == "email" else person.prefix + person.number


def _cause(person: Optin) -> str | None:
    # The type alone is used: MailUp does not document all sub-types.
    return "pending" if person.pending else person.optout_type or None
