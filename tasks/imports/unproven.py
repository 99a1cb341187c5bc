"""Batches of which it is not known whether MailUp has them: whether they may be sent again.

A batch was written down, its run was cut off, and MailUp has imports that may be it. Nothing tells
whose they are: list, group, number of rows and moment are those of other batches, too. So the batch
is sent again where that changes nothing beyond what it would have changed, in every case: whether
one of those imports is it or none.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from blocks.ledger.batches import BatchEntry
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import ImportTarget
from blocks.mailup.resources.models import ImportDetail
from tasks.imports.look_up import LookUp, Statuses
from tasks.records.consent.apply import comparable
from tasks.records.frames import PEOPLE

KnownImports = Callable[[pl.DataFrame], pl.DataFrame]
"""Of people (schema PEOPLE) those whom the client's files may have brought to MailUp before."""


class MaybeSent(Exception):
    """A batch may be with MailUp, and sending it again may do harm: somebody has to look."""


def everybody(people: pl.DataFrame) -> pl.DataFrame:
    """All of them, where it is not known whom a client's files have brought."""
    return people


def people_of(target: ImportTarget, content: bytes) -> pl.DataFrame:
    """Whom a request is about: schema PEOPLE, `address` to compare by, `key` to ask for."""
    email = target.channel == "email"
    rows = [
        (
            target.channel,
            target.list_id,
            each.get("Email") if email else None,
            None if email else each.get("MobilePrefix", ""),
            None if email else each.get("MobileNumber", ""),
        )
        for each in json.loads(content)
    ]
    people = pl.DataFrame(rows, schema=PEOPLE, orient="row")
    whole = pl.col("email") if email else pl.concat_str("prefix", "number")
    spelled = people.with_columns(address=whole, key="email" if email else "number")
    return spelled.with_columns(address=comparable(spelled))


@dataclass(frozen=True)
class Judge:
    """Says whether a batch without proof may be sent again.

    `calls` bounds what it asks MailUp for each batch; what was written down before `released_at`
    is sent again whatever it says.
    """

    client: MailUpClient
    calls: int
    known: KnownImports = everybody
    released_at: datetime | None = None

    def require_harmless(
        self,
        entry: BatchEntry,
        target: ImportTarget,
        content: bytes,
        possible: Sequence[ImportDetail],
        newer: str = "",
    ) -> None:
        """MaybeSent unless sending again is harmless; `newer` says what else speaks against it."""
        if self.released_at and entry.changed_at and entry.changed_at < self.released_at:
            return
        why = newer or self._harm(target, content, possible)
        if not why:
            return
        ids = ", ".join(str(each.id) for each in possible[:5])
        raise MaybeSent(
            f"Batch {entry.number} of {entry.rows} recipients for list {entry.list_id} was on its "
            f"way when a run was cut off, and MailUp has an import that may be it ({ids}): {why}. "
            "Compare it with MailUp's console; to send the batch again, run this by hand with the "
            "file's name and release=true."
        )

    def _harm(self, target: ImportTarget, content: bytes, possible: Sequence[ImportDetail]) -> str:
        people = people_of(target, content)
        if target.is_idempotent and self.known(people.select(*PEOPLE)).is_empty():
            return ""  # whoever of them is not there has never been there
        there = LookUp(self.client, self.calls).found(people, target.list_id, target.channel)
        if there is None:
            return "looking its recipients up takes more calls than read_back_calls allows"
        absent = people.filter(~pl.col("address").is_in(list(there)))
        # If it arrived, MailUp lacks whom it refused; more than those have been deleted since.
        refused = min((each.rows_invalid for each in possible), default=0)
        gone = self.known(absent.select(*PEOPLE)).height
        if gone and absent.height > refused:
            return f"{gone} of its recipients are not in the list, and may have been deleted since"
        if target.is_idempotent or absent.height == people.height or _has_its_state(target, there):
            return ""
        return (
            "it is more than a plain import, and people may have changed since what it would "
            "change again"
        )


def _has_its_state(target: ImportTarget, there: Statuses) -> bool:
    """Whether an opt-in or opt-out has nothing left to do for these people."""
    if target.clear_missing_fields or target.replace_groups or target.import_type == "default":
        return False
    wanted = target.import_type == "optin"
    return all(each.opted_in is wanted and not each.pending for each in there.values())


def shared(first: bytes, later: bytes) -> list[dict[str, Any]]:
    """Recipients of a later request who are in a first one, too, by address or by number."""
    known = {key for each in json.loads(first) for key in _keys(each)}
    return [each for each in json.loads(later) if known & _keys(each)]


def _keys(recipient: dict[str, Any]) -> set[str]:
    texts = (recipient.get("Email"), recipient.get("MobileNumber"))
    return {text.strip().casefold() for text in texts if text}
