"""Subscribes people again by a grant, except those who left after consent was applied.

They are sent in small batches. Directly before a batch is sent its people are looked up; those
whose status has changed are left out. While MailUp imports the batch, and once afterwards, they are
looked up again; those who left meanwhile are unsubscribed again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import polars as pl

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError
from blocks.ledger import batches, grants
from blocks.ledger.batches import BatchState
from blocks.ledger.grants import Grant
from blocks.ledger.store import naive_utc_now
from blocks.mailup.resources.imports import ImportTarget
from tasks.imports.account_facts import as_seen
from tasks.imports.batch_sender import BatchRequest, BatchSender, PlanChanged
from tasks.imports.look_up import LookUp
from tasks.records.batching.batches import Batch
from tasks.records.batching.payloads import array, recipient_objects
from tasks.records.consent.apply import Unsubscribed, comparable
from tasks.records.consent.rejoining import (
    PERSON,
    by_state,
    final_reason,
    not_granted,
    relist,
)
from tasks.records.consent.settings import Consent, check_grant
from tasks.records.frames import LINE, only_key
from tasks.records.results.parts import read_parts
from tasks.records.stages import Prepared

ANY_CALLS = 1_000_000
"""No limit: the people are few and must be looked up."""
FIRST_NUMBER = 1_000_000
"""First number of batches that unsubscribe again; those of the file have lower ones."""


class _NoQueue:
    """A queue that lets no other import in between look-up and sending."""

    def yield_to_others(self) -> None:
        pass


def is_granted(batch: Batch) -> bool:
    """Whether a grant subscribes the people of a batch."""
    return batch.destination.import_type == "optin"


@dataclass
class Rejoining:
    """Sends the granted batches of one attempt at a file.

    `unsubscribed` are the people as they were when consent was applied. PlanChanged if the batches
    differ from those of an earlier run.
    """

    sender: BatchSender
    account: MailUpAccount
    consent: Consent
    unsubscribed: Unsubscribed
    newest_import: int

    def finish_earlier(self, prepared: Prepared) -> None:
        """Verify the people of batches of earlier attempts, which have ended."""
        people = pl.concat([pl.DataFrame(schema=_PEOPLE), *read_parts(prepared.granted)])
        for grant in grants.of_file(self.sender.store, self.sender.file_id):
            if grant.gone is None and grant.attempt != self.sender.attempt:
                sent = people.filter(pl.col(LINE).is_in(grant.sent))
                if self._state(grant) is not None:
                    self._verify(
                        grant, sent, seen=not_granted(sent, self.unsubscribed, self.consent)
                    )
                else:
                    self._ended(grant, grant.sent)

    def send(self, batch: Batch, target: ImportTarget) -> None:
        """Send a batch without the people who have left, and verify it afterwards."""
        records = batch.records()
        grant = self._selected(batch.number, records)
        if set(records[LINE]) != {*grant.sent, *grant.left_out}:
            raise PlanChanged
        sent = records.filter(pl.col(LINE).is_in(grant.sent))
        if sent.height:
            request = BatchRequest.of(
                batch.number, sent.height, array(recipient_objects(sent)), target
            )
            self._require_unchanged(grant, sent)
            watch = _Watch(self, grant, sent)
            # All of them were just looked up: sending again subscribes nobody who has left.
            check = replace(self.sender.resend_check, released_at=naive_utc_now())
            sender = replace(
                self.sender, queue=_NoQueue(), meanwhile=watch.look, resend_check=check
            )
            sender.send(request, newest_import=self.newest_import)
            sender.finish()
        if grant.gone is None:
            self._verify(self._reloaded(grant), sent)

    def _selected(self, number: int, records: pl.DataFrame) -> Grant:
        """Which people of a batch are sent; an earlier run's choice is kept if it began to send."""
        for grant in grants.of_file(self.sender.store, self.sender.file_id):
            same = grant.attempt == self.sender.attempt and grant.number == number
            if same and (grant.gone is not None or self._state(grant) is not None):
                return grant
        self.sender.queue.yield_to_others()
        states = self.states(records)
        sent = states["unchanged"] | (states["subscribed"] & self._subscribed_by_us())
        sent = sent if self._is_valid() else set()
        return grants.looked(
            self.sender.store,
            self.sender.file_id,
            self.sender.attempt,
            number,
            sent=sorted(sent),
            left_out=sorted(set(records[LINE]) - sent),
        )

    def _require_unchanged(self, grant: Grant, people: pl.DataFrame) -> None:
        """PlanChanged if a batch that may be sent again contains somebody who has left."""
        if self._state(grant) == "sending":
            states = self.states(people)
            if set(people[LINE]) != states["unchanged"] | states["subscribed"]:
                raise PlanChanged

    def _subscribed_by_us(self) -> set[int]:
        """Lines of people whom earlier attempts have subscribed."""
        known = grants.of_file(self.sender.store, self.sender.file_id)
        return {line for each in known for line in each.sent if line not in (each.gone or ())}

    def _is_valid(self) -> bool:
        """Whether the grant is valid now, possibly hours after consent was applied."""
        try:
            check_grant(self.consent, self.account.today())
        except ConfigurationError:
            return False
        return True

    def _state(self, grant: Grant) -> BatchState | None:
        """State of a batch; None if it was not begun."""
        known = batches.of_file(self.sender.store, self.sender.file_id, grant.attempt)
        return next((each.state for each in known if each.number == grant.number), None)

    def states(self, people: pl.DataFrame) -> dict[str, set[int]]:
        """Lines of people by their change of state (`by_state`), as MailUp shows them now."""
        list_id, channel = people.select("list_id", "channel").row(0)
        wanted = people.with_columns(
            address=pl.col("email") if channel == "email" else pl.concat_str("prefix", "number"),
            key="email" if channel == "email" else "number",
        )
        wanted = wanted.with_columns(address=comparable(wanted))
        found = LookUp(self.sender.client, ANY_CALLS).found(wanted, list_id, channel) or {}
        seen = as_seen(found.values(), list_id, channel, self.account.zone)
        return by_state(people, seen, self.unsubscribed)

    def _reloaded(self, grant: Grant) -> Grant:
        known = grants.of_file(self.sender.store, self.sender.file_id)
        return next(each for each in known if each.id == grant.id)

    def _verify(self, grant: Grant, people: pl.DataFrame, seen: Collection[int] = ()) -> None:
        """Look people up again, unsubscribe those who left, and record the result."""
        if people.is_empty():
            self._ended(grant, grant.sent)
            return
        states = self.states(people)
        left = grant.left | states["left"] | states["came_back"] | set(seen)
        if left - grant.left:
            grants.left(self.sender.store, self.sender.file_id, grant, left)
        subscribed_again = left & (states["subscribed"] | states["came_back"])
        if subscribed_again:
            self._unsubscribe(grant, people.filter(pl.col(LINE).is_in(subscribed_again)))
        self._ended(grant, left | (set(people[LINE]) - states["subscribed"]))

    def _unsubscribe(self, grant: Grant, people: pl.DataFrame) -> None:
        list_id, channel = people.select("list_id", "channel").row(0)
        target = ImportTarget(list_id=list_id, channel=channel, import_type="optout")
        content = array(recipient_objects(only_key(people.select(PERSON))))
        number = FIRST_NUMBER + grant.id
        request = BatchRequest.of(number, people.height, content, target, purpose="left")
        sender = replace(self.sender, queue=_NoQueue())
        sender.send(request, newest_import=self.newest_import)
        sender.finish()

    def _ended(self, grant: Grant, gone: Collection[int]) -> None:
        grants.ended(self.sender.store, self.sender.file_id, grant, gone)


@dataclass
class _Watch:
    """Looks up the people of a batch while MailUp imports it."""

    rejoining: Rejoining
    grant: Grant
    people: pl.DataFrame

    def look(self) -> None:
        """Record the people who have left, once each."""
        states = self.rejoining.states(self.people)
        left = self.grant.left | states["left"] | states["came_back"]
        if left - self.grant.left:
            sender = self.rejoining.sender
            grants.left(sender.store, sender.file_id, self.grant, left)
            self.grant = replace(self.grant, left=left)


_PEOPLE: dict[str, pl.DataType] = {
    LINE: pl.Int64(), "channel": pl.String(), "list_id": pl.Int64(), "key_high": pl.UInt64(),
    "key_low": pl.UInt64(), "email": pl.String(), "prefix": pl.String(), "number": pl.String(),
}  # fmt: skip


def final_reasons(known: Sequence[Grant], attempt: int) -> dict[int, str]:
    """The final reason of each line of a file's granted batches."""
    reasons: dict[int, str] = {}
    for grant in known:
        reasons |= {line: final_reason(line, grant.gone or ()) for line in grant.sent}
        if grant.attempt == attempt:
            reasons |= {line: final_reason(line, grant.left_out) for line in grant.left_out}
    return reasons


def list_rejoined(
    prepared: Prepared, known: Sequence[Grant], attempt: int
) -> dict[str, int] | None:
    """List people of granted batches under their final reason; None if there are none."""
    if not known or prepared.skipped is None:
        return None
    return relist(prepared.skipped, final_reasons(known, attempt))


def left_out(known: Sequence[Grant], attempt: int) -> frozenset[int]:
    """Lines of an attempt that were not sent because their people had left."""
    matching = (each for each in known if each.attempt == attempt)
    return frozenset(line for each in matching for line in each.left_out)
