"""Finds groups of a list by id or name, and creates missing ones if agreed."""

from prefect import get_run_logger

from blocks.errors import ConfigurationError
from blocks.mailup.client import MailUpClient
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.destinations import group_named
from tasks.records.stages import AccountFacts, Prepared


def group_ids(
    agreement: ImportAgreement, prepared: Prepared, facts: AccountFacts, client: MailUpClient
) -> dict[tuple[int, str], int]:
    """Ids of the groups of batches, by list id and the text that names the group.

    Missing groups are created if agreed, after one more look: MailUp accepts a name twice, and an
    earlier attempt may have created the group.
    """
    wanted = sorted(
        {
            (batch.destination.list_id, batch.destination.group)
            for batch in prepared.batches
            if batch.destination.group
        }
    )
    ids = {}
    for list_id, text in wanted:
        known = group_named(facts.groups.get(list_id, {}), text)
        ids[list_id, text] = known or _found_or_created(agreement, client, list_id, text)
    return ids


def _found_or_created(
    agreement: ImportAgreement, client: MailUpClient, list_id: int, text: str
) -> int:
    known = group_named({group.id: group.name for group in client.groups(list_id)}, text)
    if known is not None:
        return known
    if not agreement.create_groups or text.isdecimal():
        raise ConfigurationError(
            f"List {list_id} has no group {text!r}. Create it in MailUp, or set create_groups and "
            "give a name."
        )
    get_run_logger().info("Creating a group in list %d", list_id)
    return client.create_group(list_id, text).id
