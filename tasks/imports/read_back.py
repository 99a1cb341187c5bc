"""Who was refused: MailUp counts recipients that it does not accept, and names none of them.

After an import everybody it accepted is in the list, whatever their status. So whoever of the batch
is not there was refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from blocks.ledger import batches
from blocks.ledger.batches import BatchEntry
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import Channel
from tasks.imports.look_up import LookUp
from tasks.records.batching.batches import Batch
from tasks.records.consent.apply import comparable
from tasks.records.frames import LINE
from tasks.records.mapping.resolve import in_file
from tasks.records.mapping.settings import Mapping, Target
from tasks.records.results.mailup_rejects import add_mailup_rejects
from tasks.records.stages import Prepared, ReadBackState, RejectedByMailUp

_STATES: tuple[ReadBackState, ...] = ("", "complete", "partial", "unclear", "too_many_calls")
"""From the best to the worst end of looking."""


def refused_by_mailup(entries: Sequence[BatchEntry]) -> RejectedByMailUp:
    """What the ledger holds about the refused recipients of a file's batches, in one."""
    count = sum(entry.counters.get("not_valid", 0) for entry in entries)
    found = [_STATES.index(entry.refused["state"]) for entry in entries if entry.refused]
    return RejectedByMailUp(count, tuple(sorted(_columns(entries))), _STATES[max(found, default=0)])


def list_refused(mapping: Mapping, prepared: Prepared, entries: Sequence[BatchEntry]) -> None:
    """Put the refused recipients that were found among the file's rejects."""
    lines = _columns(entries)
    if lines and prepared.rejects and prepared.opened and prepared.dialect:
        columns = {
            column.target: in_file(column.column, prepared.dialect.columns, mapping)
            for column in mapping.columns
        }
        names = {line: columns[target] for line, target in lines.items()}
        add_mailup_rejects(prepared.rejects, prepared.opened, prepared.dialect, names)


def _columns(entries: Iterable[BatchEntry]) -> dict[int, Target]:
    """The lines of refused recipients, each with the column by which MailUp knows them."""
    keys: dict[str, Target] = {"email": "email", "sms": "mobile"}
    return {
        line: keys[entry.target["channel"]]
        for entry in entries
        if entry.refused
        for line in entry.refused["lines"]
    }


@dataclass
class ReadBack:
    """Looks for refused recipients; `calls` is how many more calls to MailUp may be made."""

    store: Store
    client: MailUpClient
    calls: int

    def __post_init__(self) -> None:
        self._look_up = LookUp(self.client, self.calls)

    def settle(self, entries: Iterable[BatchEntry], sent: Iterable[Batch]) -> list[BatchEntry]:
        """The entries with what was found out about each, which the ledger holds from now on.

        `sent` are the batches themselves. What an earlier run had found out is not asked again.
        """
        entries = list(entries)
        wanted = {each.number for each in entries if _unexplained(each)}
        looked: dict[int, pl.DataFrame | None] = {}
        for (list_id, channel), some in _together(b for b in sent if b.number in wanted).items():
            missing = self._missing(pl.concat(map(_people, some)), list_id, channel)
            for batch in some:
                mine = pl.col("batch") == batch.number
                looked[batch.number] = None if missing is None else missing.filter(mine)
        return [
            batches.read_back(self.store, entry, _note(entry, looked[entry.number]))
            if entry.number in looked
            else entry
            for entry in entries
        ]

    def _missing(self, people: pl.DataFrame, list_id: int, channel: Channel) -> pl.DataFrame | None:
        """Those of `people` who are not in the list; None where it takes too many calls to say."""
        found = self._look_up.found(people, list_id, channel)
        return None if found is None else people.filter(~pl.col("address").is_in(list(found)))


def _unexplained(entry: BatchEntry) -> bool:
    return bool(entry.counters.get("not_valid")) and entry.refused is None


def _together(sent: Iterable[Batch]) -> dict[tuple[int, Channel], list[Batch]]:
    """Batches by list and channel: one look at a list does for all that went there."""
    groups: dict[tuple[int, Channel], list[Batch]] = {}
    for batch in sent:
        groups.setdefault((batch.destination.list_id, batch.destination.channel), []).append(batch)
    return groups


def _note(entry: BatchEntry, missing: pl.DataFrame | None) -> dict[str, Any]:
    """What the ledger keeps about a batch: how looking went, and the lines of the refused."""
    counted = entry.counters["not_valid"]
    if missing is None:
        return {"state": "too_many_calls", "lines": []}
    if missing.height > counted:
        return {"state": "unclear", "lines": []}
    state = "complete" if missing.height == counted else "partial"
    return {"state": state, "lines": missing["line"].to_list()}


def _people(batch: Batch) -> pl.DataFrame:
    """A batch's recipients: `batch`, `line`, `address` to compare by, `key` to ask for."""
    channel = batch.destination.channel
    whole = pl.col("email") if channel == "email" else pl.concat_str("prefix", "number")
    records = batch.records().select(
        batch=pl.lit(batch.number),
        line=pl.col(LINE),
        channel=pl.lit(channel),
        address=whole,
        key="email" if channel == "email" else "number",
    )
    return records.with_columns(address=comparable(records))
