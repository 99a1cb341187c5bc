"""Extract: read from MailUp, find new rows, render them as CSV and stage the file."""

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
from tasks.exports.deliver import scope
from tasks.exports.walk import Walk, WalkPart, WalkResult
from tasks.exports.walks import WALKS
from tasks.exports.window import DueWindow
from tasks.files.prefetch import consume_behind, prefetched
from tasks.gpg.encrypt import Encryption, encrypt
from tasks.reports import statistics_views
from tasks.reports.agreement import ExportAgreement, StatisticsAgreement
from tasks.reports.delta import seen_events
from tasks.reports.delta.new_rows import between, rows_with_dates, select_new
from tasks.reports.delta.spool import RowSpool
from tasks.reports.kinds import EXPORT_KINDS, ExportKind, KindName
from tasks.reports.output.csv_writer import Rendered, Renderer
from tasks.reports.output.layouts import ExtraField, LayoutColumn
from tasks.reports.output.packing import Packed, compress
from tasks.reports.rows import EVENTS, UNSUBSCRIPTIONS, RowKind
from tasks.runs.retrying import retried_task
from tasks.runs.scratch import fresh_folder
from tasks.runs.steps import mailup_client, shared_call_order


@dataclass(frozen=True)
class Produced:
    """An export in the scratch folder: the packed file, its name at the client, its figures.

    `snapshot`: all events seen up to now; None if there was none new.
    """

    path: Path
    name: str
    rows: int
    bytes: int
    sha256: str
    snapshot: Path | None
    notes: dict[str, int] = field(default_factory=dict)


@retried_task("extract", "extract {kind} of {agreement.client}")
def extract(
    agreement: ExportAgreement,
    kind: KindName,
    covered: DueWindow,
    scratch: Path,
    *,
    dry_run: bool,
) -> Produced:
    """Extract everything new in the window as the file for the client."""
    folder = fresh_folder(scratch / "extract")
    encryption = Encryption.agreed(agreement.packing)  # checks the keys before reading MailUp
    known = None
    if covered.snapshot:
        storage = load(Ledger, agreement.ledger).open_storage()
        known = storage.get(covered.snapshot, folder / "known.parquet")
    account = load(MailUpAccount, agreement.account)
    order = shared_call_order(agreement.ledger, dry_run=dry_run)
    with order as store, mailup_client(account, store) as client:
        fields = _fields(agreement, client)
        columns = EXPORT_KINDS[kind].layout.columns(agreement.columns, fields)
        result = WalkResult(folder / "rows")
        walk = Walk(
            client,
            agreement,
            result,
            covered.window.end,
            tuple(each.id for each in fields),
            frozenset(column.source for column in columns),
        )
        view = _View(agreement, covered, EXPORT_KINDS[kind], result, known)
        csv, seen = _rendered(view, walk, columns, folder)
    snapshot = _snapshot(folder / "snapshot.parquet", known, seen)
    packed = _packed(agreement, kind, covered, csv, encryption)
    return Produced(
        packed.path, packed.name, csv.rows, packed.bytes, packed.sha256,
        snapshot, result.notes,
    )  # fmt: skip


def _fields(agreement: ExportAgreement, client: MailUpClient) -> list[ExtraField]:
    """The dynamic fields of the agreement, by id or name."""
    if not agreement.fields:
        return []
    existing = {each.id: each.name for each in client.dynamic_fields()}
    names = {name.strip().casefold(): number for number, name in existing.items()}
    found = []
    for wanted in agreement.fields:
        number = int(wanted) if wanted.isdecimal() else names.get(wanted.strip().casefold(), 0)
        if number not in existing:
            raise ConfigurationError(
                f"The account has no dynamic field {wanted!r}; accepted are "
                f"{', '.join(f'{each} {name}' for each, name in sorted(existing.items()))}."
            )
        found.append(ExtraField(number, existing[number]))
    return found


def _rendered(
    view: "_View", walk: Walk, columns: tuple[LayoutColumn, ...], folder: Path
) -> tuple[Rendered, list[RowSpool]]:
    """Render the new rows of the walk as CSV; return them with the snapshot's additions.

    New rows of one part are found and written while the next one is read from MailUp.
    """
    result, kind = walk.result, view.kind
    seen = {each.name: RowSpool(folder / f"seen-{at}") for at, each in enumerate(kind.rows)}
    with Renderer(folder / "export.csv", columns, view.agreement.format) as writer:

        def write(part: WalkPart) -> None:
            for shown, new in prefetched(view.slices(part)):
                writer.write(_with_all(result.with_people(shown, part.kind), columns))
                seen[part.kind.name].add(new)

        consume_behind(WALKS[kind.name](walk), write)
        finished = writer.close()
    if finished.replaced:
        result.notes["replaced_characters"] = finished.replaced
    return finished, list(seen.values())


def _packed(
    agreement: ExportAgreement,
    kind: KindName,
    covered: DueWindow,
    csv: Rendered,
    encryption: Encryption | None,
) -> Packed:
    """The file for the client: named, compressed, encrypted.

    Encryption precedes staging because it gives other bytes each time.
    """
    window = covered.window
    name = agreement.naming.name_for(
        scope(agreement, kind), window.number or None, window.end, start=window.start
    )
    folder = csv.path.parent
    path = compress(csv.path, agreement.packing, folder, name)
    if encryption:
        path = encrypt(path, encryption, folder / "export.gpg")
    if path == csv.path:
        return Packed(path, name, csv.bytes, csv.sha256)
    return Packed.of(path, name + agreement.packing.ending)


def _snapshot(path: Path, known: Path | None, seen: list[RowSpool]) -> Path | None:
    if not any(added.rows for added in seen):
        return None
    seen_events.write_seen(path, seen_events.every_part(known), *(added.frames() for added in seen))
    return path


def _with_all(rows: pl.DataFrame, columns: tuple[LayoutColumn, ...]) -> pl.DataFrame:
    """Rows with all columns of the layout; a missing dynamic field is empty."""
    missing = [each.source for each in columns if each.source not in rows.columns]
    return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)


@dataclass(frozen=True)
class _View:
    """Selects the rows to export: the agreed view, and of it the new rows."""

    agreement: ExportAgreement
    covered: DueWindow
    kind: ExportKind
    result: WalkResult
    known: Path | None

    def slices(self, part: WalkPart) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Yield the rows to write, and the snapshot's additions, of each slice of a part."""
        before = seen_events.read_part(self.known, part.number)
        counted = part.number not in self.result.uncounted or part.kind is not EVENTS
        for rows in part.slices():
            yield self._of(
                part.kind, rows if counted else statistics_views.count_clicks(rows), before
            )

    def _of(
        self, kind: RowKind, rows: pl.DataFrame, known: pl.LazyFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        window = self.covered.window
        viewed = self._viewed(kind, rows)
        new = select_new(viewed, known, kind, window.seen_at)
        shown = new.rows
        if self.agreement.mode == "full" or not window.number:
            shown = rows_with_dates(viewed, known, kind, window.seen_at)
        if not window.number:
            shown = between(shown, window.start, window.end)
        if self.kind.name == "cumulative" and kind is UNSUBSCRIPTIONS:
            shown = statistics_views.as_events(shown)
        return shown, new.added

    def _viewed(self, kind: RowKind, rows: pl.DataFrame) -> pl.DataFrame:
        agreed = self.agreement
        if kind is not EVENTS or not isinstance(agreed, StatisticsAgreement):
            return rows
        latest = agreed.reading == "latest-action"
        read = statistics_views.latest_action if latest else statistics_views.every_event
        return read(rows, sent=agreed.sent, bounces=agreed.bounces)


@retried_task("stage", "stage {produced.name}")
def stage(
    agreement: ExportAgreement, kind: KindName, covered: DueWindow, produced: Produced
) -> ExportEntry:
    """Put file and snapshot into the ledger's storage, and record the window.

    From then on exactly these bytes are delivered under this name, also if an earlier attempt
    recorded them.
    """
    ledger, stream = load(Ledger, agreement.ledger), agreement.stream(kind)
    with ledger.open() as store:
        known = exports.newest(store, agreement.client, stream)
        if known and known.number == covered.window.number:
            return known
        entry = _stored(agreement, stream, covered, produced, ledger.open_storage())
        exports.rendered(
            store,
            agreement.client,
            stream,
            entry,
            agreement=agreement.fingerprint,
            run=str(flow_run.id or ""),
        )
    get_run_logger().info("Window %d is rendered: %d rows", entry.number, entry.rows)
    return entry


def _stored(
    agreement: ExportAgreement,
    stream: str,
    covered: DueWindow,
    produced: Produced,
    storage: Storage,
) -> ExportEntry:
    """Store the files of a window; return its row for the ledger."""
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
