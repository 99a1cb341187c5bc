"""The second key: rows whose mobile number (or address) differs from the one in MailUp, or that an
earlier row of the file gives to another person.

MailUp documents that it rejects such rows, but does not name them. So they are looked up before
sending, within the agreed number of calls, and are sent without the second key or rejected. The
result is recorded in the journal before the first batch, so that a repeated run makes the same
batches. If it would take more calls, rows are sent with their first key alone, and that is
reported.
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
from blocks.mailup.http.wire import NoCallsLeft
from blocks.mailup.pages.page import PageWithoutItems
from blocks.mailup.resources.imports import Channel
from blocks.mailup.resources.models import Recipient
from blocks.mailup.resources.profiles import State
from tasks.imports.look_up import FilterIgnored
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
    texts_of,
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
    store: Store, second_keys: "SecondKeys", file_id: int, attempt: int, sent: Sequence[Batch]
) -> ComparedKeys:
    """The comparison of an earlier run of this attempt, or a new one."""
    known = journal.second_keys(store, file_id, attempt)
    if known is not None:
        return known
    keys = second_keys.compared(sent)
    if keys is None:
        return NO_KEYS
    journal.note_second_keys(store, file_id, attempt, keys)
    return keys


@dataclass(frozen=True)
class SecondKeys:
    """Finds rows whose second key differs from MailUp's, with at most `calls` calls."""

    client: MailUpClient
    calls: int

    def compared(self, sent: Sequence[Batch]) -> ComparedKeys | None:
        """Differing rows, and lists that were not compared; None if no row has both keys."""
        sent = [each for each in sent if each.destination.import_type == "default"]
        people = both_keys(sent)
        if people.is_empty():
            return None
        found: set[int] = set()
        clashes = contradicting(people)
        not_compared: set[tuple[int, str]] = set()
        # One more call: a token may have to be requested.
        needed, last = 1, self.client.calls + self.calls
        for list_id, channel in people.select("list_id", "channel").unique().sort(pl.all()).rows():
            here = (pl.col("list_id") == list_id) & (pl.col("channel") == channel)
            some = people.filter(here)
            known, calls = self._known(sent, some, list_id, channel, last)
            needed += calls
            if known is None:
                not_compared.add((list_id, channel))
            else:
                found |= differing(some, known)
                found |= set(some.filter(pl.col(LINE).is_in(list(clashes)))[LINE])
        return ComparedKeys(
            frozenset(found), frozenset(not_compared), needed if not_compared else 0
        )

    def _known(
        self,
        sent: Sequence[Batch],
        people: pl.DataFrame,
        list_id: int,
        channel: Channel,
        last: int,
    ) -> tuple[pl.DataFrame | None, int]:
        """Both keys of possible matches in MailUp (None: too many calls), and the calls needed."""
        size = self.client.session.page_size
        pages = -(-self.client.count_optins(list_id, channel) // size) + len(STATES)
        calls, before = min(2 * people.height, pages), self.client.calls
        known = None
        try:
            with self.client.limited(last):
                if 2 * people.height == calls <= last - self.client.calls:
                    try:
                        known = self._searched(people, texts_of(sent, people[LINE]))
                    except (MailUpRefused, PageWithoutItems, FilterIgnored):
                        calls = pages + 1  # this MailUp does not support the search
                if known is None and pages <= last - self.client.calls:
                    known = self._walked(list_id, channel)
        except NoCallsLeft:
            # MailUp gave no total, or its list changes: how many calls it takes is not known.
            calls = max(calls, 2 * (self.client.calls - before))
        return known, max(calls, self.client.calls - before) + 1

    def _walked(self, list_id: int, channel: Channel) -> pl.DataFrame:
        return pairs(
            page for state in STATES for page in self.client.with_fields(list_id, channel, state)
        )

    def _searched(self, people: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
        wanted = [pl.col(key).is_in(people[key].implode()) for key in ("address", "mobile")]
        found = [pairs([])]
        for email, prefix, number in texts.iter_rows():
            for answers in (
                self.client.search(email=email),
                self.client.search(mobile=prefix + number),
            ):
                found.append(_pairs_of(answers))
                if not found[-1].select(pl.any_horizontal(wanted).all()).item():
                    raise FilterIgnored
        return pl.concat(found).unique()


def _pairs_of(people: Sequence[Recipient]) -> pl.DataFrame:
    rows = [(each.email, each.prefix, each.number) for each in people]
    schema = dict.fromkeys(("email", "prefix", "number"), pl.String)
    return pairs([pl.DataFrame(rows, schema=schema, orient="row")])


def list_second_keys(mapping: Mapping, prepared: Prepared, keys: ComparedKeys) -> dict[str, int]:
    """List rows that are rejected or sent without their second key; return counts by reason."""
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
def preview_second_keys(agreement: ImportAgreement, prepared: Prepared) -> Submission:
    """Compare second keys in a dry run; nothing is recorded."""
    keys = None
    if not prepared.hold:
        with mailup_client(load(MailUpAccount, agreement.account), None) as client:
            keys = SecondKeys(client, agreement.read_back_calls).compared(prepared.batches)
    if keys is None:
        return Submission(prepared.counts)
    by_reason = list_second_keys(agreement.mapping, prepared, keys)
    counts = prepared.counts.refused(by_reason.get(DIFFERS, 0))
    return Submission(counts, second_key=by_reason, second_key_calls=keys.calls)
