"""The second key: rows whose mobile number, or address, is not the one that MailUp has of a person,
or that an earlier row of the file gives to somebody else.

MailUp documents that it refuses such a row, and names nobody. So they are looked for before they
are sent, within the calls that were agreed, and go without the number, or come back as rejects.
What was found is in the journal before the first batch: a run that is repeated makes the same ones.
Where looking takes more calls, rows go with the key of their channel alone, and it is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from blocks.accounts import MailUpAccount
from blocks.errors import MailUpRefused
from blocks.ledger import journal
from blocks.ledger.journal import NO_KEYS, ComparedKeys
from blocks.ledger.store import Store
from blocks.loading import load
from blocks.mailup.client import MailUpClient
from blocks.mailup.pages.page import PageWithoutItems
from blocks.mailup.resources.imports import Channel
from blocks.mailup.resources.profiles import State
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.batches import Batch
from tasks.records.consent.second_key import (
    DIFFERS,
    KEPT,
    NOT_COMPARED,
    both_keys,
    contradicting,
    differing,
    of_lists,
    pairs,
)
from tasks.records.frames import LINE
from tasks.records.mapping.resolve import in_file
from tasks.records.mapping.settings import Mapping, Target
from tasks.records.results.mailup_rejects import add_mailup_rejects
from tasks.records.results.skipped_file import SKIPPED
from tasks.records.stages import Prepared, Submission
from tasks.runs.retrying import retried_task
from tasks.runs.steps import mailup_client

STATES: tuple[State, ...] = ("Subscribed", "Unsubscribed", "Pending")


def compared_once(
    store: Store, looking: "SecondKeys", file_id: int, attempt: int, sent: Sequence[Batch]
) -> ComparedKeys:
    """How an earlier run of this attempt has compared second keys, or as now."""
    known = journal.second_keys(store, file_id, attempt)
    if known is not None:
        return known
    keys = looking.compared(sent)
    if keys is None:
        return NO_KEYS
    journal.note_second_keys(store, file_id, attempt, keys)
    return keys


@dataclass(frozen=True)
class SecondKeys:
    """Looks for rows with another second key than MailUp's, within so many `calls`."""

    client: MailUpClient
    calls: int

    def compared(self, sent: Sequence[Batch]) -> ComparedKeys | None:
        """Whose second key is another one, and what was not compared; None where no row has two."""
        people = both_keys([each for each in sent if each.destination.import_type == "default"])
        if people.is_empty():
            return None
        found: set[int] = set()
        clashes = contradicting(people)
        behind: set[tuple[int, str]] = set()
        # One more than what is asked: a token may have to be asked for as well.
        needed, last = 1, self.client.calls + self.calls
        for (list_id, channel), some in people.partition_by(
            "list_id", "channel", as_dict=True, maintain_order=True
        ).items():
            there, calls = self._known(some, int(list_id), channel, last)
            needed += calls
            if there is None:
                behind.add((int(list_id), channel))
            else:
                found |= differing(some, there) | (clashes & set(some[LINE]))
        return ComparedKeys(frozenset(found), frozenset(behind), needed if behind else 0)

    def _known(
        self, people: pl.DataFrame, list_id: int, channel: Channel, last: int
    ) -> tuple[pl.DataFrame | None, int]:
        """Both keys of whoever may be meant, None where it takes too many calls; and how many."""
        size = self.client.session.page_size
        pages = -(-self.client.count_optins(list_id, channel) // size) + len(STATES)
        calls = min(2 * people.height, pages)
        if 2 * people.height == calls <= last - self.client.calls:
            try:
                return self._asked_for(people), calls + 1
            except (MailUpRefused, PageWithoutItems):
                calls = pages + 1  # this MailUp searches otherwise: the walk does without
        if pages > last - self.client.calls:
            return None, calls + 1
        return pairs(
            page for state in STATES for page in self.client.with_fields(list_id, channel, state)
        ), calls + 1

    def _asked_for(self, people: pl.DataFrame) -> pl.DataFrame:
        found = []
        for email, prefix, number in people.select("email", "prefix", "number").iter_rows():
            found += self.client.search(email=email)
            found += self.client.search(mobile=prefix + number)
        rows = [(each.email, each.prefix, each.number) for each in found]
        schema = dict.fromkeys(("email", "prefix", "number"), pl.String)
        return pairs([pl.DataFrame(rows, schema=schema, orient="row")])


def list_second_keys(mapping: Mapping, prepared: Prepared, keys: ComparedKeys) -> dict[str, int]:
    """List rows that are refused or go without their second key; how many, by reason."""
    rejected = mapping.second_key == "reject"
    listed = {NOT_COMPARED: of_lists(prepared.batches, keys.not_compared)}
    if not rejected:
        listed[KEPT] = keys.lines
    elif keys.lines and prepared.opened and prepared.dialect and prepared.rejects:
        target: Target = "email" if mapping.key == "mobile" else "mobile"
        column = in_file(mapping.of(target)[0].column, prepared.dialect.columns, mapping)
        names = dict.fromkeys(keys.lines, column)
        add_mailup_rejects(prepared.rejects, prepared.opened, prepared.dialect, names, DIFFERS)
    for reason, lines in listed.items():
        if lines and prepared.skipped:
            rows = [(line, reason, None) for line in sorted(lines)]
            part = pl.DataFrame(rows, schema=SKIPPED, orient="row")
            part.write_parquet(prepared.skipped / f"{reason}.parquet", compression="lz4")
    counted = listed | ({DIFFERS: keys.lines} if rejected else {})
    return {reason: len(lines) for reason, lines in counted.items() if lines}


@retried_task("foresee", "compare second keys for {agreement.client}")
def foresee_second_keys(agreement: ImportAgreement, prepared: Prepared) -> Submission:
    """What a dry run finds of second keys; nothing is written down."""
    keys = None
    if not prepared.hold:
        with mailup_client(load(MailUpAccount, agreement.account), None) as client:
            keys = SecondKeys(client, agreement.read_back_calls).compared(prepared.batches)
    if keys is None:
        return Submission(prepared.counts)
    told = list_second_keys(agreement.mapping, prepared, keys)
    counts = prepared.counts.refused(told.get(DIFFERS, 0))
    return Submission(counts, second_key=told, second_key_calls=keys.calls)
