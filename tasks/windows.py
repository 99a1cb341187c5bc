"""Windows of exports: which one is due, and which one was rendered but never delivered."""

from dataclasses import dataclass
from datetime import UTC, datetime

from prefect import get_run_logger

from blocks.ledger import exports
from blocks.ledger.exports import ExportEntry
from blocks.ledgers import Ledger
from blocks.loading import load
from tasks.kinds import KINDS, KindName
from tasks.reports.agreements import ExportAgreement
from tasks.reports.windows import Window, backfill, following
from tasks.retrying import unit


@dataclass(frozen=True)
class Due:
    """What a run has to do: `pending` is delivered first, as it was rendered; `snapshot` names what
    the window before has seen."""

    window: Window
    snapshot: str = ""
    pending: ExportEntry | None = None


@unit("window", "window of {agreement.client}")
def due(
    agreement: ExportAgreement, kind: KindName, since: str, until: str, *, only_look: bool
) -> Due:
    """The window that is due: asked for by hand, or from the end of the last one until now."""
    KINDS[kind].layout.columns(agreement.columns)
    now = datetime.now(UTC).replace(microsecond=0)
    with load(Ledger, agreement.ledger).open(only_look=only_look) as store:
        new = store.is_new
        last = None if new else exports.newest(store, agreement.client, agreement.stream(kind))
    snapshot = last.snapshot if last else ""
    if since or until:
        return Due(backfill(since, until, agreement.format.zone, now), snapshot)
    if last is None:
        return Due(following(0, None, now))
    if last.state == "delivered":
        return Due(following(last.number, last.window_end.replace(tzinfo=UTC), now), snapshot)
    get_run_logger().warning("Window %d was rendered but not delivered yet", last.number)
    start = last.window_start.replace(tzinfo=UTC) if last.window_start else None
    window = Window(last.number, start, last.window_end.replace(tzinfo=UTC))
    return Due(window, snapshot, last)
