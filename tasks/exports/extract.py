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
from tasks.exports.deliver import scope
from tasks.exports.walk import Gathered, Walk, WalkPart
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


@retried_task("extract", "extract {kind} of {agreement.client}")
def extract(
    agreement: ExportAgreement,
    kind: KindName,
    covered: DueWindow,
    scratch: Path,
    *,
    dry_run: bool,
) -> Produced:
    """Everything that is new in the window, as the file that the client gets."""
    folder = fresh_folder(scratch / "extract")
    seal = Encryption.agreed(agreement.packing)  # before MailUp is walked for nothing
    known = None
    if covered.snapshot:
        storage = load(Ledger, agreement.ledger).open_storage()
        known = storage.get(covered.snapshot, folder / "known.parquet")
    account = load(MailUpAccount, agreement.account)
    order = shared_call_order(agreement.ledger, dry_run=dry_run)
    with order as store, mailup_client(account, store) as client:
        fields = _fields(agreement, client)
        columns = EXPORT_KINDS[kind].layout.columns(agreement.columns, fields)
        gathered = Gathered(folder / "rows")
        walk = Walk(
            client,
            agreement,
            gathered,
            covered.window.end,
            tuple(each.id for each in fields),
            frozenset(column.source for column in columns),
        )
        view = _View(agreement, covered, EXPORT_KINDS[kind], gathered, known)
        csv, seen = _rendered(view, walk, columns, folder)
    snapshot = _snapshot(folder / "snapshot.parquet", known, seen)
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
    view: "_View", walk: Walk, columns: tuple[LayoutColumn, ...], folder: Path
) -> tuple[Rendered, list[RowSpool]]:
    """What is due of what the walk brings, as a CSV file, and what it adds to the snapshot.

    What is new in one part is found and written while MailUp is asked for the next one.
    """
    gathered, kind = walk.gathered, view.kind
    seen = {each.name: RowSpool(folder / f"seen-{at}") for at, each in enumerate(kind.rows)}
    with Renderer(folder / "export.csv", columns, view.agreement.format) as writer:

        def write(part: WalkPart) -> None:
            for shown, new in prefetched(view.slices(part)):
                writer.write(_with_all(gathered.completed(shown, part.kind), columns))
                seen[part.kind.name].add(new)

        consume_behind(WALKS[kind.name](walk), write)
        finished = writer.close()
    if finished.replaced:
        gathered.notes["replaced_characters"] = finished.replaced
    return finished, list(seen.values())


def _packed(
    agreement: ExportAgreement,
    kind: KindName,
    covered: DueWindow,
    csv: Rendered,
    seal: Encryption | None,
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


def _snapshot(path: Path, known: Path | None, seen: list[RowSpool]) -> Path | None:
    if not any(added.rows for added in seen):
        return None
    seen_events.write_seen(path, seen_events.every_part(known), *(added.frames() for added in seen))
    return path


def _with_all(rows: pl.DataFrame, columns: tuple[LayoutColumn, ...]) -> pl.DataFrame:
    """Rows with every column that is shown; a dynamic field that nobody has is empty."""
    missing = [each.source for each in columns if each.source not in rows.columns]
    return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)


@dataclass(frozen=True)
class _View:
    """What is shown of the rows: the agreed reading, and of it what is due."""

    agreement: ExportAgreement
    covered: DueWindow
    kind: ExportKind
    gathered: Gathered
    known: Path | None

    def slices(self, part: WalkPart) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Of each slice of a part: the rows to write, and what they add to the snapshot."""
        before = seen_events.read_part(self.known, part.number)
        counted = part.number not in self.gathered.uncounted or part.kind is not EVENTS
        for rows in part.slices():
            yield self._of(
                part.kind, rows if counted else statistics_views.count_clicks(rows), before
            )

    def _of(
        self, kind: RowKind, rows: pl.DataFrame, known: pl.LazyFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        window = self.covered.window
        told = self._reading(kind, rows)
        new = select_new(told, known, kind, window.seen_at)
        shown = new.rows
        if self.agreement.mode == "full" or not window.number:
            shown = rows_with_dates(told, known, kind, window.seen_at)
        if not window.number:
            shown = between(shown, window.start, window.end)
        if self.kind.name == "cumulative" and kind is UNSUBSCRIPTIONS:
            shown = statistics_views.as_events(shown)
        return shown, new.added

    def _reading(self, kind: RowKind, rows: pl.DataFrame) -> pl.DataFrame:
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
