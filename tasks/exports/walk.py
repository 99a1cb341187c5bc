"""Walks: reads all pages of a resource from MailUp as rows, stored part by part.

A part is a message or a list. Memory holds up to HELD_ROWS rows of the current part, and as many of
the previous one, which is written meanwhile; larger and waiting parts are on disk.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import Channel
from blocks.mailup.resources.models import Optin
from tasks.exports.people import RecipientData
from tasks.exports.zones import require_zone
from tasks.reports.agreement import ExportAgreement
from tasks.reports.delta.spool import HELD_ROWS, RowSpool
from tasks.reports.rows import (
    EVENTS,
    MOMENT,
    SMS_EVENTS,
    SUBSCRIPTIONS,
    UNSUBSCRIPTIONS,
    RowKind,
    fitted,
)
from tasks.reports.windows import utc
from tasks.runs.progress import Progress


@dataclass(frozen=True)
class WalkPart:
    """All stored rows of one kind in one message or list."""

    kind: RowKind
    number: int
    rows: RowSpool = field(repr=False)

    def slices(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in slices, each with all rows of its people; can be read once."""
        yield from self.rows.slices(self.kind)
        self.rows.remove()


@dataclass
class WalkResult:
    """The result of a walk: rows by kind and part, people by list, and notes for operators.

    `uncounted`: messages whose clicks are one row each, without a count.
    """

    folder: Path
    notes: dict[str, int] = field(default_factory=dict)
    rows: dict[tuple[str, int], RowSpool] = field(default_factory=dict)
    uncounted: set[int] = field(default_factory=set)
    people: RecipientData = field(init=False)
    _filled: RowSpool | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.people = RecipientData(self.folder)

    def add(self, kind: RowKind, part: int, page: pl.DataFrame) -> None:
        """Append a page of rows to its part."""
        if not page.height:
            return
        spool = self.rows.get((kind.name, part))
        if spool is None:
            folder = self.folder / f"{kind.name.replace(' ', '-')}-{part}"
            spool = self.rows[kind.name, part] = RowSpool(folder, held=HELD_ROWS)
        if self._filled is not None and self._filled is not spool:
            self._filled.flush()
        self._filled = spool
        spool.add(page)

    def note(self, reason: str, times: int = 1) -> None:
        """Count a note for operators."""
        if times:
            self.notes[reason] = self.notes.get(reason, 0) + times

    def complete_parts(self, kind: RowKind) -> Iterator[WalkPart]:
        """Yield the parts of a kind in ascending order; no more rows may be added."""
        self._filled = None
        for name, number in sorted(self.rows):
            if name == kind.name:
                yield WalkPart(kind, number, self.rows.pop((name, number)))

    def with_people(self, rows: pl.DataFrame, kind: RowKind) -> pl.DataFrame:
        """Add recipient data to the rows of one slice, if it was loaded."""
        whole, unknown = self.people.joined(rows, kind)
        if kind is SMS_EVENTS:
            self.note("receivers_unknown", unknown)
        return whole


@dataclass(frozen=True)
class Walk:
    """The context of a walk: client, agreement, result, and start time (UTC).

    `sources`: the columns of the rows that the file contains.
    """

    client: MailUpClient
    agreement: ExportAgreement
    result: WalkResult
    now: datetime
    field_ids: tuple[int, ...] = ()
    sources: frozenset[str] = frozenset()

    def progress(self, what: str) -> Progress:
        """A new progress bar for one part of the walk; `what` is counted."""
        return Progress(f"{self.agreement.client}-export-progress", what)

    def wants_people(self, kind: RowKind) -> bool:
        """Whether the file contains recipient data."""
        return bool(self.field_ids or self.sources & set(kind.personal))

    def shaped(self, rows: pl.DataFrame, kind: RowKind) -> pl.DataFrame:
        """Rows with the columns of their kind; MailUp's dates converted to UTC."""
        dates = [name for name, dtype in kind.schema.items() if dtype == MOMENT]
        texts = [name for name in dates if rows.schema.get(name) == pl.String]
        zone = self.agreement.mailup_zone
        for name in texts:
            self._require_zone(rows[name], kind)
        return fitted(
            rows.with_columns(utc(pl.col(name), zone).alias(name) for name in texts), kind
        )

    def moment(self, text: str) -> datetime | None:
        """Convert a date of a message to UTC."""
        self._require_zone(pl.Series([text]), EVENTS)
        found: datetime | None = pl.select(utc(pl.lit(text), self.agreement.mailup_zone)).item()
        return found

    def _require_zone(self, texts: pl.Series, kind: RowKind) -> None:
        local, ahead = kind in (UNSUBSCRIPTIONS, SUBSCRIPTIONS), self.client.clock_ahead_seconds
        require_zone(texts, self.agreement, local=local, ahead_seconds=ahead)


def walk_unsubscribed(walk: Walk) -> Iterator[WalkPart]:
    """People who left the agreed lists by e-mail, with cause and date."""
    unsubscribed = _people(walk, UNSUBSCRIPTIONS, lambda each: each.opted_out)
    if walk.wants_people(UNSUBSCRIPTIONS):
        _profiles(walk, unsubscribed, walk.client.unsubscribed_with_fields)
    yield from walk.result.complete_parts(UNSUBSCRIPTIONS)


def walk_subscribed(walk: Walk) -> Iterator[WalkPart]:
    """People who are subscribed to the agreed lists by e-mail, with the date."""
    subscribed = _people(walk, SUBSCRIPTIONS, lambda each: not each.opted_out and each.opted_in)
    if walk.wants_people(SUBSCRIPTIONS):
        _profiles(walk, subscribed, walk.client.subscribed_with_fields)
    yield from walk.result.complete_parts(SUBSCRIPTIONS)


def _people(walk: Walk, kind: RowKind, wanted: Callable[[Optin], bool]) -> dict[int, int]:
    """Store the wanted people of the agreed lists; return their number per list."""
    lists = walk.agreement.lists
    progress = walk.progress("recipients are read")
    progress.expect(sum(walk.client.count_optins(list_id, "email") for list_id in lists))
    found = dict.fromkeys(lists, 0)
    for list_id in lists:
        for page in progress.counted(walk.client.optins(list_id, "email")):
            chosen = [each for each in page if wanted(each)]
            _spool_optins(walk, list_id, chosen, kind)
            found[list_id] += len(chosen)
    return found


def _profiles(
    walk: Walk,
    expected: Mapping[int, int],
    ask: Callable[[int, Channel, tuple[int, ...]], Iterator[pl.DataFrame]],
) -> None:
    """Store the recipient data of the agreed lists."""
    progress = walk.progress("recipients are read with their data")
    progress.expect(sum(expected.values()))
    for list_id in expected:
        pages = ask(list_id, "email", walk.field_ids)
        walk.result.people.add(list_id, progress.counted(pages))


def _spool_optins(walk: Walk, list_id: int, page: list[Optin], kind: RowKind) -> None:
    leaving = kind is UNSUBSCRIPTIONS
    columns: dict[str, list[int] | list[int | None] | list[str]] = {
        "list_id": [list_id] * len(page),
        "recipient_id": [each.recipient_id for each in page],
        "email": [each.email for each in page],
        "at": [each.optout_date if leaving else each.optin_date for each in page],
    }
    if leaving:
        columns["subscribed_at"] = [each.optin_date for each in page]
        columns["message_id"] = [number_of(each.optout_message_id) for each in page]
        columns["type"] = [each.optout_type for each in page]
        columns["subtype"] = [each.optout_subtype for each in page]
    walk.result.add(kind, list_id, walk.shaped(pl.DataFrame(columns), kind))


def number_of(text: str) -> int | None:
    """A number that MailUp sends as text; None for anything else."""
    return int(text) if text.isdecimal() else None
