"""Unsubscribes missing people: those who are no longer in a client's full file, if agreed.

The ledger has only their hashes. So all subscribed people of the list are read, and those whose
hash is in the snapshot but not in the file are unsubscribed. People whom the client's files never
imported cannot be among them.
"""

from collections.abc import Sequence

import polars as pl

from blocks.ledger import batches
from blocks.ledger.batches import BatchEntry
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import Channel, ImportTarget
from blocks.mailup.resources.models import Recipient
from tasks.imports.account_facts import CHANNELS
from tasks.imports.batch_sender import BatchRequest, BatchSender
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.payloads import array, recipient_objects
from tasks.records.delta.missing import who_is_missing
from tasks.records.delta.snapshot import missing_people
from tasks.records.frames import PEOPLE
from tasks.records.stages import DeltaResult


def unsubscribe_missing(
    sender: BatchSender,
    agreement: ImportAgreement,
    compared: DeltaResult | None,
    key: bytes | None,
    *,
    batch_size: int,
) -> None:
    """Unsubscribe missing people who are still subscribed, in batches after those of the file.

    Batches of an earlier run are completed first, from their stored bodies. Their people are no
    longer subscribed, so this run's batches have others.
    """
    known = batches.of_file(sender.store, sender.file_id, sender.attempt)
    for entry in known:
        if entry.purpose == "missing":
            sender.finish_stored(entry)
    if compared is None or compared.previous is None or key is None or not compared.unsubscribes:
        return
    channel = CHANNELS[agreement.mapping.key][0]
    hashes = missing_people(compared.previous)
    people = _still_subscribed(sender.client, agreement.list_id, channel, hashes, key)
    newest = sender.client.latest_import_id()
    target = ImportTarget(list_id=agreement.list_id, channel=channel, import_type="optout")
    starts = range(0, people.height, batch_size)
    for number, start in enumerate(starts, max((each.number for each in known), default=0) + 1):
        some = people.slice(start, batch_size)
        content = array(recipient_objects(some))
        request = BatchRequest.of(number, some.height, content, target, purpose="missing")
        sender.send(request, newest_import=newest)
    sender.finish()


def count_unsubscribed(entries: Sequence[BatchEntry]) -> int:
    """How many missing people MailUp has unsubscribed, by its own counters."""
    all_counters = (each.counters for each in entries if each.purpose == "missing")
    return sum(each.get("rows", 0) - each.get("not_valid", 0) for each in all_counters)


def _still_subscribed(
    client: MailUpClient, list_id: int, channel: Channel, hashes: pl.DataFrame, key: bytes
) -> pl.DataFrame:
    """The missing people (schema PEOPLE) who are subscribed, in the order of MailUp's list."""
    pages = client.subscribed(list_id, channel)
    found = [who_is_missing(_people(page, list_id, channel), hashes, key) for page in pages]
    return pl.concat([pl.DataFrame(schema=PEOPLE), *found])


def _people(page: Sequence[Recipient], list_id: int, channel: Channel) -> pl.DataFrame:
    by_email = channel == "email"
    rows = [
        (channel, list_id, each.email, None, None)
        if by_email
        else (channel, list_id, None, each.prefix, each.number)
        for each in page
    ]
    return pl.DataFrame(rows, schema=PEOPLE, orient="row")
