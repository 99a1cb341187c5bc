"""Read-back: finds the recipients that MailUp rejected, because it only reports their number.

After an import everybody whom MailUp accepted is in the list, whatever their status. The recipients
of a batch who are not in the list were rejected.
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
"""From the best to the worst result."""


def rejected_by_mailup(entries: Sequence[BatchEntry]) -> RejectedByMailUp:
    """The rejected recipients of a file's batches, from the ledger."""
    lines = _columns(entries)
    # A record for several groups is rejected once for each of them.
    listed = sum(len(entry.refused["lines"]) for entry in entries if entry.refused)
    count = sum(entry.counters.get("not_valid", 0) for entry in entries) - listed + len(lines)
    found = [_STATES.index(entry.refused["state"]) for entry in entries if entry.refused]
    return RejectedByMailUp(count, tuple(sorted(lines)), _STATES[max(found, default=0)])


def list_mailup_rejects(
    mapping: Mapping, prepared: Prepared, entries: Sequence[BatchEntry]
) -> None:
    """Add the rejected recipients that were found to the file's rejects."""
    lines = _columns(entries)
    if lines and prepared.rejects and prepared.opened and prepared.dialect:
        columns = {
            column.target: in_file(column.column, prepared.dialect.columns, mapping)
            for column in mapping.columns
        }
        names = {line: columns[target] for line, target in lines.items()}
        add_mailup_rejects(prepared.rejects, prepared.opened, prepared.dialect, names)


def _columns(entries: Iterable[BatchEntry]) -> dict[int, Target]:
    """The lines of rejected recipients, each with the target of its key column."""
    keys: dict[str, Target] = {"email": "email", "sms": "mobile"}
    return {
        line: keys[entry.target["channel"]]
        for entry in entries
        if entry.refused
        for line in entry.refused["lines"]
    }


@dataclass
class ReadBack:
    """Finds rejected recipients with at most `calls` calls to MailUp."""

    store: Store
    client: MailUpClient
    calls: int

    def __post_init__(self) -> None:
        self._look_up = LookUp(self.client, self.calls)

    def read(self, entries: Iterable[BatchEntry], sent: Iterable[Batch]) -> list[BatchEntry]:
        """Read back the batches `sent`; return their entries with the result, also in the ledger.

        Results of earlier runs are kept.
        """
        entries = list(entries)
        wanted = {each.number for each in entries if _unexplained(each)}
        results: dict[int, pl.DataFrame | None] = {}
        for (list_id, channel), some in _by_list(b for b in sent if b.number in wanted).items():
            missing = self._missing(pl.concat(map(_people, some)), list_id, channel)
            for batch in some:
                of_batch = pl.col("batch") == batch.number
                results[batch.number] = None if missing is None else missing.filter(of_batch)
        return [
            batches.read_back(self.store, entry, _result(entry, results[entry.number]))
            if entry.number in results
            else entry
            for entry in entries
        ]

    def _missing(self, people: pl.DataFrame, list_id: int, channel: Channel) -> pl.DataFrame | None:
        """Those of `people` who are not in the list; None if it would take too many calls."""
        once = people.unique("address", maintain_order=True)
        found = self._look_up.found(once, list_id, channel)
        return None if found is None else people.filter(~pl.col("address").is_in(list(found)))


def _unexplained(entry: BatchEntry) -> bool:
    return bool(entry.counters.get("not_valid")) and entry.refused is None


def _by_list(sent: Iterable[Batch]) -> dict[tuple[int, Channel], list[Batch]]:
    """Group batches by list and channel, so that each list is read once."""
    groups: dict[tuple[int, Channel], list[Batch]] = {}
    for batch in sent:
        groups.setdefault((batch.destination.list_id, batch.destination.channel), []).append(batch)
    return groups


def _result(entry: BatchEntry, missing: pl.DataFrame | None) -> dict[str, Any]:
    """The result for the ledger: state, and the lines of rejected recipients."""
    counted = entry.counters["not_valid"]
    if missing is None:
        return {"state": "too_many_calls", "lines": []}
    if missing.height > counted:
        return {"state": "unclear", "lines": []}
    state = "complete" if missing.height == counted else "partial"
    return {"state": state, "lines": missing["line"].to_list()}


def _people(batch: Batch) -> pl.DataFrame:
    """A batch's recipients: `batch`, `line`, `address` (normalised), `key` (for the filter)."""
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
