"""Extract: walk through MailUp, find what is new, and render it into a file that is staged."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import polars as pl
from prefect import get_run_logger
from prefect.runtime import flow_run

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError
from blocks.ledger import exports
from blocks.ledger.exports import ExportEntry
from blocks.ledger.storage import Storage
from blocks.ledgers import Ledger
from blocks.loading import load
from blocks.mailup.client import MailUpClient
from tasks.encrypt import Seal, encrypt
from tasks.extracting import Gathered, Walk
from tasks.hand_over import scope
from tasks.kinds import KINDS, Kind, KindName
from tasks.records.ahead import ahead
from tasks.reports import readings, snapshots
from tasks.reports.agreements import ExportAgreement, StatisticsAgreement
from tasks.reports.deltas import between, dated, fresh
from tasks.reports.layouts import ExtraField, LayoutColumn
from tasks.reports.packing import Packed, compress
from tasks.reports.rendering import Rendered, Renderer
from tasks.reports.rows import EVENTS, UNSUBSCRIPTIONS, RowKind
from tasks.reports.spools import Spool
from tasks.retrying import unit
from tasks.scratch import fresh_folder
from tasks.steps import connected
from tasks.windows import Due


@dataclass(frozen=True)
class Produced:
    """An export in the scratch folder: the packed file, its name at the client, what is in it.

    `snapshot` is what has been seen up to now, None where nothing new was.
    """

    path: Path
    name: str
    rows: int
    bytes: int
    sha256: str
    snapshot: Path | None
    notes: dict[str, int] = field(default_factory=dict)


@unit("extract", "extract {kind} of {agreement.client}")
def extract(agreement: ExportAgreement, kind: KindName, covered: Due, scratch: Path) -> Produced:
    """Everything that is new in the window, as the file that the client gets."""
    folder = fresh_folder(scratch / "extract")
    seal = Seal.agreed(agreement.packing)  # before MailUp is walked for nothing
    known = None
    if covered.snapshot:
        storage = load(Ledger, agreement.ledger).open_storage()
        known = storage.get(covered.snapshot, folder / "known.parquet")
    with connected(load(MailUpAccount, agreement.account)) as client:
        fields = _fields(agreement, client)
        columns = KINDS[kind].layout.columns(agreement.columns, fields)
        gathered = Gathered(folder / "rows")
        walk = Walk(
            client, agreement, gathered, covered.window.end,
            tuple(each.id for each in fields), frozenset(column.source for column in columns),
        )  # fmt: skip
        KINDS[kind].walk(walk)
    csv, snapshot = _rendered(agreement, KINDS[kind], covered, gathered, columns, known, folder)
    packed = _packed(agreement, kind, covered, csv, seal)
    return Produced(
        packed.path, packed.name, csv.rows, packed.bytes, packed.sha256,
        snapshot, gathered.notes,
    )  # fmt: skip


def _fields(agreement: ExportAgreement, client: MailUpClient) -> list[ExtraField]:
    """The dynamic fields of the agreement, by id or name."""
    if not agreement.fields:
        return []
    there = {each.id: each.name for each in client.dynamic_fields()}
    names = {name.strip().casefold(): number for number, name in there.items()}
    found = []
    for wanted in agreement.fields:
        number = int(wanted) if wanted.isdecimal() else names.get(wanted.strip().casefold(), 0)
        if number not in there:
            raise ConfigurationError(
                f"The account has no dynamic field {wanted!r}; there are "
                f"{', '.join(f'{each} {name}' for each, name in sorted(there.items()))}."
            )
        found.append(ExtraField(number, there[number]))
    return found


def _rendered(
    agreement: ExportAgreement,
    kind: Kind,
    covered: Due,
    gathered: Gathered,
    columns: tuple[LayoutColumn, ...],
    known: Path | None,
    folder: Path,
) -> tuple[Rendered, Path | None]:
    """The delta of what was gathered, as a CSV file, and the snapshot that goes with it."""
    csv = folder / "export.csv"
    seen = [Spool(folder / f"seen-{number}") for number in range(len(kind.rows))]
    with Renderer(csv, columns, agreement.format) as writer:
        for rows_kind, added in zip(kind.rows, seen, strict=True):
            view = _View(agreement, covered, rows_kind, kind)
            # What is new is found while the slice before is written.
            for shown, new in ahead(view.slices(gathered, known)):
                writer.write(_with_all(gathered.completed(shown, rows_kind), columns))
                added.add(new)
        finished = writer.close()
    if finished.replaced:
        gathered.notes["replaced_characters"] = finished.replaced
    return finished, _snapshot(folder / "snapshot.parquet", known, seen)


def _packed(
    agreement: ExportAgreement, kind: KindName, covered: Due, csv: Rendered, seal: Seal | None
) -> Packed:
    """The file as the client gets it: named, compressed, encrypted.

    Encryption comes before staging: it gives other bytes each time.
    """
    window = covered.window
    name = agreement.naming.name_for(
        scope(agreement, kind), window.number or None, window.end, start=window.start
    )
    folder = csv.path.parent
    path = compress(csv.path, agreement.packing, folder, name)
    if seal:
        path = encrypt(path, seal, folder / "export.gpg")
    if path == csv.path:
        return Packed(path, name, csv.bytes, csv.sha256)
    return Packed.of(path, name + agreement.packing.ending)


def _snapshot(path: Path, known: Path | None, seen: list[Spool]) -> Path | None:
    if not any(added.rows for added in seen):
        return None
    snapshots.write(path, snapshots.every_part(known), *(added.frames() for added in seen))
    return path


def _with_all(rows: pl.DataFrame, columns: tuple[LayoutColumn, ...]) -> pl.DataFrame:
    """Rows with every column that is shown; a dynamic field that nobody has is empty."""
    missing = [each.source for each in columns if each.source not in rows.columns]
    return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)


@dataclass(frozen=True)
class _View:
    """What is shown of the rows of one kind: the agreed reading, and of it what is due."""

    agreement: ExportAgreement
    covered: Due
    rows_kind: RowKind
    kind: Kind

    def slices(
        self, gathered: Gathered, known: Path | None
    ) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Of each slice of each part: the rows to write, and what they add to the snapshot."""
        for part, slices in gathered.parts(self.rows_kind):
            before = snapshots.read_part(known, part)
            counted = part not in gathered.uncounted or self.rows_kind is not EVENTS
            for rows in slices:
                yield self.of(rows if counted else readings.tallied_clicks(rows), before)

    def of(self, rows: pl.DataFrame, known: pl.LazyFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows to write, and what they add to the snapshot."""
        window = self.covered.window
        told = self._reading(rows)
        new = fresh(told, known, self.rows_kind, window.seen_at)
        shown = new.rows
        if self.agreement.mode == "full" or not window.number:
            shown = dated(told, known, self.rows_kind, window.seen_at)
        if not window.number:
            shown = between(shown, window.start, window.end)
        if self.kind.name == "cumulative" and self.rows_kind is UNSUBSCRIPTIONS:
            shown = readings.as_events(shown)
        return shown, new.added

    def _reading(self, rows: pl.DataFrame) -> pl.DataFrame:
        agreed = self.agreement
        if self.rows_kind is not EVENTS or not isinstance(agreed, StatisticsAgreement):
            return rows
        latest = agreed.reading == "latest-action"
        read = readings.latest_action if latest else readings.every_event
        return read(rows, sent=agreed.sent, bounces=agreed.bounces)


@unit("stage", "stage {produced.name}")
def stage(
    agreement: ExportAgreement, kind: KindName, covered: Due, produced: Produced
) -> ExportEntry:
    """Put the file and the snapshot into the ledger's storage, and write the window down.

    From then on it is these bytes that are delivered under this name, whatever happens; also when
    an attempt whose answer was lost has written it down before.
    """
    ledger, stream = load(Ledger, agreement.ledger), agreement.stream(kind)
    with ledger.open() as store:
        known = exports.newest(store, agreement.client, stream)
        if known and known.number == covered.window.number:
            return known
        entry = _stored(agreement, stream, covered, produced, ledger.open_storage())
        exports.rendered(
            store, agreement.client, stream, entry,
            agreement=agreement.fingerprint, run=str(flow_run.id or ""),
        )  # fmt: skip
    get_run_logger().info("Window %d is rendered: %d rows", entry.number, entry.rows)
    return entry


def _stored(
    agreement: ExportAgreement, stream: str, covered: Due, produced: Produced, storage: Storage
) -> ExportEntry:
    """The window's row of the ledger, its files being in the storage."""
    window, snapshot = covered.window, covered.snapshot
    short = hashlib.sha256(stream.encode()).hexdigest()[:8]
    owner = f"{agreement.client}-{short}-{window.number}"
    if produced.snapshot:
        snapshot = storage.put(produced.snapshot, "snapshots", owner)
    wanted = produced.rows or agreement.empty == "header-only"
    return ExportEntry(
        number=window.number,
        state="rendered",
        window_start=window.start.replace(tzinfo=None) if window.start else None,
        window_end=window.end.astimezone(UTC).replace(tzinfo=None),
        file_name=produced.name if wanted else "",
        rows=produced.rows,
        bytes=produced.bytes,
        sha256=produced.sha256,
        staged=storage.put(produced.path, "staged", owner) if wanted else "",
        snapshot=snapshot,
    )
