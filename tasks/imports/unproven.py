"""Decides whether a batch that MailUp may already have can be sent again.

The batch was recorded, its run was interrupted, and MailUp has imports that may be this batch:
list, group, number of rows and time fit, but do not prove it. The batch is sent again if that has
the same effect in either case.
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
"""Filters people (schema PEOPLE): those whom the client's earlier files may have imported."""


class MaybeSent(Exception):
    """MailUp may have a batch, and sending it again may do harm: somebody has to decide."""


def everybody(people: pl.DataFrame) -> pl.DataFrame:
    """All people, if it is unknown whom a client's files have imported."""
    return people


def people_of(target: ImportTarget, content: bytes) -> pl.DataFrame:
    """The people of a request: schema PEOPLE, `address` (normalised), `key` (for the filter)."""
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
class ResendCheck:
    """Checks whether a batch that MailUp may have can be sent again.

    `calls`: maximum number of calls per batch. Batches recorded before `released_at` are sent again
    without a check.
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
        """Raise MaybeSent unless sending again is harmless; `newer`: another reason against it."""
        if self.released_at and entry.changed_at and entry.changed_at < self.released_at:
            return
        why = newer or self._harm(target, content, possible)
        if not why:
            return
        ids = ", ".join(str(each.id) for each in possible[:5])
        raise MaybeSent(
            f"A run was interrupted while it sent batch {entry.number} ({entry.rows} recipients) "
            f"for list {entry.list_id}, and MailUp has an import that may be this batch ({ids}): "
            f"{why}. Compare it in MailUp's console; to send the batch again, run the deployment "
            "with the file's name and release=true."
        )

    def _harm(self, target: ImportTarget, content: bytes, possible: Sequence[ImportDetail]) -> str:
        people = people_of(target, content)
        if target.is_idempotent and self.known(people.select(*PEOPLE)).is_empty():
            return ""  # whoever is not in the list has never been in it
        found = LookUp(self.client, self.calls).found(people, target.list_id, target.channel)
        if found is None:
            return "looking up its recipients takes more calls than read_back_calls allows"
        absent = people.filter(~pl.col("address").is_in(list(found)))
        # If it arrived, the rejected ones are missing; any others were deleted afterwards.
        refused = min((each.rows_invalid for each in possible), default=0)
        gone = self.known(absent.select(*PEOPLE)).height
        if gone and absent.height > refused:
            return f"{gone} of its recipients are not in the list and may have been deleted"
        if target.is_idempotent or absent.height == people.height or _is_effective(target, found):
            return ""
        return "it changes statuses, groups or fields, which people may have changed since"


def _is_effective(target: ImportTarget, found: Statuses) -> bool:
    """Whether these people already have the status of an opt-in or opt-out."""
    if target.clear_missing_fields or target.replace_groups or target.import_type == "default":
        return False
    wanted = target.import_type == "optin"
    return all(each.opted_in is wanted and not each.pending for each in found.values())


def shared(first: bytes, later: bytes) -> list[dict[str, Any]]:
    """Recipients of a later request who are also in the first one, by address or number."""
    known = {key for each in json.loads(first) for key in _keys(each)}
    return [each for each in json.loads(later) if known & _keys(each)]


def _keys(recipient: dict[str, Any]) -> set[str]:
    texts = (recipient.get("Email"), recipient.get("MobileNumber"))
    return {text.strip().casefold() for text in texts if text}
