"""Windows of exports: the next one, and one that was rendered but not delivered."""

from dataclasses import dataclass
from datetime import UTC, datetime

from prefect import get_run_logger

from blocks.ledger import exports
from blocks.ledger.exports import ExportEntry
from blocks.ledgers import Ledger
from blocks.loading import load
from tasks.reports.agreement import ExportAgreement
from tasks.reports.kinds import EXPORT_KINDS, KindName
from tasks.reports.windows import Window, backfill, following
from tasks.runs.retrying import retried_task


@dataclass(frozen=True)
class DueWindow:
    """The window to export; `pending` is delivered first, as rendered; `snapshot` names that of the
    previous window."""

    window: Window
    snapshot: str = ""
    pending: ExportEntry | None = None


@retried_task("window", "window of {agreement.client}")
def due_window(
    agreement: ExportAgreement, kind: KindName, since: str, until: str, *, read_only: bool
) -> DueWindow:
    """The window to export: a manual one, or from the end of the last one until now."""
    EXPORT_KINDS[kind].layout.columns(agreement.columns)
    now = datetime.now(UTC).replace(microsecond=0)
    with load(Ledger, agreement.ledger).open(read_only=read_only) as store:
        new = store.is_empty
        entry = None if new else exports.newest(store, agreement.client, agreement.stream(kind))
    snapshot = entry.snapshot if entry else ""
    if since or until:
        return DueWindow(backfill(since, until, agreement.format.zone, now), snapshot)
    if entry is None:
        return DueWindow(following(0, None, now))
    window = window_of(entry)
    if entry.state == "delivered":
        return DueWindow(following(window.number, window.end, now), snapshot)
    get_run_logger().warning("Window %d was rendered but not delivered yet", window.number)
    return DueWindow(window, snapshot, entry)


@retried_task("last window", "last window of {agreement.client}")
def last_window(
    agreement: ExportAgreement, kind: KindName, *, read_only: bool
) -> ExportEntry | None:
    """The last rendered window, delivered or not; None before the first one."""
    with load(Ledger, agreement.ledger).open(read_only=read_only) as store:
        if store.is_empty:
            return None
        return exports.newest(store, agreement.client, agreement.stream(kind))


def window_of(entry: ExportEntry) -> Window:
    """The window of a row of the ledger."""
    start = entry.window_start.replace(tzinfo=UTC) if entry.window_start else None
    return Window(entry.number, start, entry.window_end.replace(tzinfo=UTC))
