"""Who was refused: MailUp counts recipients that it does not accept, and names none of them.

After an import everybody it accepted is in the list, whatever their status. So whoever of the batch
is not there was refused. Two ways to look: walk through the whole list, or ask for each recipient;
the one that takes fewer calls is gone, within a bound.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from blocks.errors import MailUpRefused
from blocks.ledger import batches
from blocks.ledger.batches import BatchEntry
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from blocks.mailup.filters import can_filter
from blocks.mailup.imports import Channel
from blocks.mailup.records import Optin
from tasks.records.batches import Batch
from tasks.records.binding import in_file
from tasks.records.handover import Prepared, ReadBackState, Refused
from tasks.records.judging import comparable
from tasks.records.mapping import Mapping, Target
from tasks.records.refused import add_refused
from tasks.records.verdict import LINE

_STATES: tuple[ReadBackState, ...] = ("", "complete", "partial", "unclear", "too_many_calls")
"""From the best to the worst end of looking."""


def refused_by_mailup(entries: Sequence[BatchEntry]) -> Refused:
    """What the ledger holds about the refused recipients of a file's batches, in one."""
    count = sum(entry.counters.get("not_valid", 0) for entry in entries)
    found = [_STATES.index(entry.refused["state"]) for entry in entries if entry.refused]
    return Refused(count, tuple(sorted(_columns(entries))), _STATES[max(found, default=0)])


def list_refused(mapping: Mapping, prepared: Prepared, entries: Sequence[BatchEntry]) -> None:
    """Put the refused recipients that were found among the file's rejects."""
    lines = _columns(entries)
    if lines and prepared.rejects and prepared.opened and prepared.dialect:
        columns = {
            column.target: in_file(column.column, prepared.dialect.columns)
            for column in mapping.columns
        }
        names = {line: columns[target] for line, target in lines.items()}
        add_refused(prepared.rejects, prepared.opened, prepared.dialect, names)


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
        self._last = self.client.calls + self.calls

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
        if self._left() < 1:
            return None
        pages = -(-self.client.count_optins(list_id, channel) // self.client.session.page_size)
        askable = all(map(can_filter, people["key"]))
        if askable and people.height <= self._left() and not 0 < pages < people.height:
            try:
                return self._asked_for(people, list_id, channel)
            except (MailUpRefused, _FilterIgnored):
                pass  # this MailUp knows no such filter: the walk does without
        return self._walked(people, list_id, channel) if pages <= self._left() else None

    def _left(self) -> int:
        return self._last - self.client.calls

    def _walked(self, people: pl.DataFrame, list_id: int, channel: Channel) -> pl.DataFrame | None:
        for page in self.client.optins(list_id, channel):
            people = people.filter(~pl.col("address").is_in(_addresses(page, channel).implode()))
            if self._left() < 1:
                return None
        return people

    def _asked_for(
        self, people: pl.DataFrame, list_id: int, channel: Channel
    ) -> pl.DataFrame | None:
        there: list[bool] = []
        for key, address in people.select("key", "address").iter_rows():
            if self._left() < 1:
                return None
            found = _addresses(self.client.find_optins(list_id, channel, key), channel)
            if not found.str.ends_with(key).all():
                raise _FilterIgnored
            there.append(address in found)
        return people.filter(~pl.Series(there, dtype=pl.Boolean))


class _FilterIgnored(Exception):
    """MailUp answered with people who were not asked for."""


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


def _addresses(page: Iterable[Optin], channel: Channel) -> pl.Series:
    """How MailUp spells these people, in the form for comparing."""
    texts = [one.email if channel == "email" else one.prefix + one.number for one in page]
    return comparable(
        pl.DataFrame({"address": texts}, schema={"address": pl.String}).with_columns(
            channel=pl.lit(channel)
        )
    )
