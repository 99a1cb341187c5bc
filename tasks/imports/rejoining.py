"""Rejoining: subscribe people again by a grant, and nobody who has left since they were judged.

They go in small batches. Directly before one is sent each of its people is looked up, and who is
not as they were judged is left out. While MailUp is at work they are looked at over and over, and
once more when it is done: who was seen to leave is unsubscribed again.
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
    only_key,
    relist,
)
from tasks.records.consent.settings import Consent, check_grant
from tasks.records.frames import LINE
from tasks.records.results.parts import read_parts
from tasks.records.stages import Prepared

ANY_CALLS = 1_000_000
"""They are few, and have to be looked at, whatever it takes."""
FIRST_NUMBER = 1_000_000
"""Batches that unsubscribe again are numbered from here on, apart from those of the file."""


class _Stays:
    """A queue in which nobody is let in between looking and sending."""

    def yield_to_others(self) -> None:
        pass


def is_granted(batch: Batch) -> bool:
    """Whether a grant subscribes the people of a batch."""
    return batch.destination.import_type == "optin"


@dataclass
class Rejoining:
    """Brings the granted batches of one file's attempt to MailUp; `judged` is what decided.

    PlanChanged where they are not those that an earlier run began with.
    """

    counter: BatchSender
    account: MailUpAccount
    consent: Consent
    judged: Unsubscribed
    newest_import: int

    def finish_earlier(self, prepared: Prepared) -> None:
        """Look once more at batches of earlier attempts, which have ended since."""
        people = pl.concat([pl.DataFrame(schema=_PEOPLE), *read_parts(prepared.granted)])
        for grant in grants.of_file(self.counter.store, self.counter.file_id):
            if grant.gone is None and grant.attempt != self.counter.attempt:
                mine = people.filter(pl.col(LINE).is_in(grant.sent))
                if self._state(grant) is not None:
                    self._end(grant, mine, seen=not_granted(mine, self.judged, self.consent))
                else:
                    self._ended(grant, grant.sent)

    def bring(self, batch: Batch, target: ImportTarget) -> None:
        """Have one batch sent, without those who have left since, and undo what came too late."""
        records = batch.records()
        grant = self._looked(batch.number, records)
        if set(records[LINE]) != {*grant.sent, *grant.left_out}:
            raise PlanChanged
        sent = records.filter(pl.col(LINE).is_in(grant.sent))
        if sent.height:
            parcel = BatchRequest.of(
                batch.number, sent.height, array(recipient_objects(sent)), target
            )
            self._require_unchanged(grant, sent)
            watch = _Watch(self, grant, sent)
            # Each of them was looked at just now: sending again subscribes nobody who has left.
            judge = replace(self.counter.judge, released_at=naive_utc_now())
            counter = replace(self.counter, queue=_Stays(), meanwhile=watch.look, judge=judge)
            counter.send(parcel, newest_import=self.newest_import)
            counter.finish()
        if grant.gone is None:
            self._end(self._again(grant), sent)

    def _looked(self, number: int, records: pl.DataFrame) -> Grant:
        """Who of a batch is sent: as an earlier run had found, where it began with it."""
        for grant in grants.of_file(self.counter.store, self.counter.file_id):
            mine = grant.attempt == self.counter.attempt and grant.number == number
            if mine and (grant.gone is not None or self._state(grant) is not None):
                return grant
        self.counter.queue.yield_to_others()
        states = self.states(records)
        sent = states["unchanged"] | (states["subscribed"] & self._subscribed_by_us())
        sent = sent if self._holds() else set()
        return grants.looked(
            self.counter.store,
            self.counter.file_id,
            self.counter.attempt,
            number,
            sent=sorted(sent),
            left_out=sorted(set(records[LINE]) - sent),
        )

    def _require_unchanged(self, grant: Grant, people: pl.DataFrame) -> None:
        """PlanChanged where a batch that may have to be sent again has somebody who left since."""
        if self._state(grant) == "sending":
            states = self.states(people)
            if set(people[LINE]) != states["unchanged"] | states["subscribed"]:
                raise PlanChanged

    def _subscribed_by_us(self) -> set[int]:
        """Whom earlier attempts have sent: that they are subscribed now is our doing."""
        known = grants.of_file(self.counter.store, self.counter.file_id)
        return {line for each in known for line in each.sent if line not in (each.gone or ())}

    def _holds(self) -> bool:
        """Whether the grant holds at this moment, hours after the file was judged or not."""
        try:
            check_grant(self.consent, self.account.today())
        except ConfigurationError:
            return False
        return True

    def _state(self, grant: Grant) -> BatchState | None:
        """How far a batch came; None where it was not begun."""
        known = batches.of_file(self.counter.store, self.counter.file_id, grant.attempt)
        return next((each.state for each in known if each.number == grant.number), None)

    def states(self, people: pl.DataFrame) -> dict[str, set[int]]:
        """Lines of people by what has become of them (`by_state`), as MailUp shows them now."""
        list_id, channel = people.select("list_id", "channel").row(0)
        asked = people.with_columns(
            address=pl.col("email") if channel == "email" else pl.concat_str("prefix", "number"),
            key="email" if channel == "email" else "number",
        )
        asked = asked.with_columns(address=comparable(asked))
        found = LookUp(self.counter.client, ANY_CALLS).found(asked, list_id, channel) or {}
        seen = as_seen(found.values(), list_id, channel, self.account.zone)
        return by_state(people, seen, self.judged)

    def _again(self, grant: Grant) -> Grant:
        known = grants.of_file(self.counter.store, self.counter.file_id)
        return next(each for each in known if each.id == grant.id)

    def _end(self, grant: Grant, people: pl.DataFrame, seen: Collection[int] = ()) -> None:
        """Look once more, unsubscribe who was seen to leave, and write down who is gone."""
        if people.is_empty():
            self._ended(grant, grant.sent)
            return
        states = self.states(people)
        left = grant.left | states["left"] | states["came_back"] | set(seen)
        if left - grant.left:
            grants.left(self.counter.store, self.counter.file_id, grant, left)
        back = left & (states["subscribed"] | states["came_back"])
        if back:
            self._unsubscribe(grant, people.filter(pl.col(LINE).is_in(back)))
        self._ended(grant, left | (set(people[LINE]) - states["subscribed"]))

    def _unsubscribe(self, grant: Grant, people: pl.DataFrame) -> None:
        list_id, channel = people.select("list_id", "channel").row(0)
        target = ImportTarget(list_id=list_id, channel=channel, import_type="optout")
        content = array(recipient_objects(only_key(people.select(PERSON))))
        number = FIRST_NUMBER + grant.id
        parcel = BatchRequest.of(number, people.height, content, target, purpose="left")
        counter = replace(self.counter, queue=_Stays())
        counter.send(parcel, newest_import=self.newest_import)
        counter.finish()

    def _ended(self, grant: Grant, gone: Collection[int]) -> None:
        grants.ended(self.counter.store, self.counter.file_id, grant, gone)


@dataclass
class _Watch:
    """Looks at the people of a batch while MailUp is at work on it."""

    rejoining: Rejoining
    grant: Grant
    people: pl.DataFrame

    def look(self) -> None:
        """Write down who is seen to have left, once each."""
        states = self.rejoining.states(self.people)
        left = self.grant.left | states["left"] | states["came_back"]
        if left - self.grant.left:
            counter = self.rejoining.counter
            grants.left(counter.store, counter.file_id, self.grant, left)
            self.grant = replace(self.grant, left=left)


_PEOPLE: dict[str, pl.DataType] = {
    LINE: pl.Int64(), "channel": pl.String(), "list_id": pl.Int64(), "key_high": pl.UInt64(),
    "key_low": pl.UInt64(), "email": pl.String(), "prefix": pl.String(), "number": pl.String(),
}  # fmt: skip


def fates(known: Sequence[Grant], attempt: int) -> dict[int, str]:
    """Under which reason each line of a file's granted batches is listed in the end."""
    told: dict[int, str] = {}
    for grant in known:
        told |= {line: final_reason(line, grant.gone or ()) for line in grant.sent}
        if grant.attempt == attempt:
            told |= {line: final_reason(line, grant.left_out) for line in grant.left_out}
    return told


def list_rejoined(
    prepared: Prepared, known: Sequence[Grant], attempt: int
) -> dict[str, int] | None:
    """List people of granted batches as they ended; None where there are none."""
    if not known or prepared.skipped is None:
        return None
    return relist(prepared.skipped, fates(known, attempt))


def left_out(known: Sequence[Grant], attempt: int) -> frozenset[int]:
    """Lines of an attempt that were not sent, as their people had left since they were judged."""
    mine = (each for each in known if each.attempt == attempt)
    return frozenset(line for each in mine for line in each.left_out)
