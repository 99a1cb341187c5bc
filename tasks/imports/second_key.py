"""The second key: rows whose mobile number, or address, is not the one that MailUp has of a person.

MailUp documents that it refuses such a row, and names nobody. So they are looked for before they
are sent, within the calls that were agreed, and go without the number, or come back as rejects.
What was found is in the journal before the first batch: a run that is repeated makes the same ones.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from blocks.errors import MailUpRefused
from blocks.ledger import journal
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import Channel
from blocks.mailup.resources.profiles import State
from tasks.records.batching.batches import Batch
from tasks.records.consent.second_key import DIFFERS, KEPT, both_keys, differing, pairs
from tasks.records.mapping.resolve import in_file
from tasks.records.mapping.settings import Mapping, Target
from tasks.records.results.mailup_rejects import add_refused
from tasks.records.results.skipped_file import SKIPPED
from tasks.records.stages import Prepared

STATES: tuple[State, ...] = ("Subscribed", "Unsubscribed", "Pending")


@dataclass(frozen=True)
class SecondKeys:
    """Looks for rows with another second key than MailUp's, within so many `calls`."""

    store: Store
    client: MailUpClient
    calls: int
    file_id: int
    attempt: int

    def lines(self, sent: Sequence[Batch]) -> frozenset[int]:
        """The lines of such rows, as an earlier run of this attempt has found them, or as now."""
        known = journal.second_keys(self.store, self.file_id, self.attempt)
        if known is not None:
            return known
        plain = [each for each in sent if each.destination.import_type == "default"]
        people = both_keys(plain)
        found: set[int] = set()
        last = self.client.calls + self.calls
        for (list_id, channel), some in people.partition_by(
            "list_id", "channel", as_dict=True, maintain_order=True
        ).items():
            there = self._known(some, int(list_id), channel, last)
            found |= differing(some, there) if there is not None else set()
        lines = frozenset(found)
        if people.height:
            journal.note_second_keys(self.store, self.file_id, self.attempt, lines)
        return lines

    def _known(
        self, people: pl.DataFrame, list_id: int, channel: Channel, last: int
    ) -> pl.DataFrame | None:
        """Both keys of whoever may be meant; None where it takes too many calls to say."""
        left = last - self.client.calls
        if left < 1:
            return None
        size = self.client.session.page_size
        pages = -(-self.client.count_optins(list_id, channel) // size) + len(STATES)
        if 2 * people.height <= min(left - 1, pages):
            try:
                return self._asked_for(people)
            except MailUpRefused:
                pass  # this MailUp searches otherwise: the walk does without
        if pages > last - self.client.calls:
            return None
        return pairs(
            page
            for state in STATES
            for page in self.client.with_fields(list_id, channel, state)
        )  # fmt: skip

    def _asked_for(self, people: pl.DataFrame) -> pl.DataFrame:
        found = []
        for email, prefix, number in people.select("email", "prefix", "number").iter_rows():
            found += self.client.search(email=email)
            found += self.client.search(mobile=prefix + number)
        rows = [(each.email, each.prefix, each.number) for each in found]
        schema = dict.fromkeys(("email", "prefix", "number"), pl.String)
        return pairs([pl.DataFrame(rows, schema=schema, orient="row")])


def list_second_keys(mapping: Mapping, prepared: Prepared, lines: Collection[int]) -> str:
    """List such rows among the rejects, or as sent without their second key; under which reason."""
    rejected = mapping.second_key == "reject"
    if lines and prepared.opened and prepared.dialect and prepared.rejects and prepared.skipped:
        if rejected:
            target: Target = "email" if mapping.key == "mobile" else "mobile"
            column = in_file(mapping.of(target)[0].column, prepared.dialect.columns, mapping)
            names = dict.fromkeys(lines, column)
            add_refused(prepared.rejects, prepared.opened, prepared.dialect, names, DIFFERS)
        else:
            rows = [(line, KEPT, None) for line in sorted(lines)]
            part = pl.DataFrame(rows, schema=SKIPPED, orient="row")
            part.write_parquet(prepared.skipped / f"{KEPT}.parquet", compression="lz4")
    return DIFFERS if rejected else KEPT
