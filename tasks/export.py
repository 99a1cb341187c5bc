"""The order of every export: window, extract, stage, deliver, advance."""

from pathlib import Path

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from blocks.ledger.exports import ExportEntry
from tasks.extract import Produced, extract, stage
from tasks.hand_over import Parcel, advance, hand_over
from tasks.kinds import KindName
from tasks.remember import working_alone
from tasks.reports.agreements import ExportAgreement
from tasks.reports.export_summary import export_summary
from tasks.scratch import scratch_folder
from tasks.windows import Due, due


def export(
    agreement: ExportAgreement, kind: KindName, *, since: str, until: str, dry_run: bool
) -> State[None]:
    """Deliver the window that is due, and before it one that was rendered but never delivered.

    With `since` or `until` the window is asked for by hand: it is delivered under a name of its
    own, and the watermark stays where it is.
    """
    stream = agreement.stream(kind)
    alone = working_alone(agreement.ledger, agreement.client, stream, dry_run=dry_run)
    with alone, scratch_folder() as scratch:
        covered = due(agreement, kind, since, until, only_look=dry_run)
        if covered.pending and not dry_run:
            _close(agreement, kind, covered.pending, scratch)
            covered = due(agreement, kind, since, until, only_look=dry_run)
        produced = extract(agreement, kind, covered, scratch)
        place = "" if dry_run else _deliver(agreement, kind, covered, produced, scratch)
    return _concluded(agreement, kind, covered, produced, place, dry_run=dry_run)


def _deliver(
    agreement: ExportAgreement, kind: KindName, covered: Due, produced: Produced, scratch: Path
) -> str:
    if covered.window.number:
        return _close(agreement, kind, stage(agreement, kind, covered, produced), scratch)
    wanted = produced.rows or agreement.empty == "header-only"
    parcel = Parcel(produced.name if wanted else "", produced.sha256, produced.path)
    return hand_over(agreement, kind, parcel, scratch)


def _close(agreement: ExportAgreement, kind: KindName, entry: ExportEntry, scratch: Path) -> str:
    parcel = Parcel(entry.file_name, entry.sha256, staged=entry.staged)
    place = hand_over(agreement, kind, parcel, scratch)
    advance(agreement, kind, entry)
    return place


def _concluded(
    agreement: ExportAgreement,
    kind: KindName,
    covered: Due,
    produced: Produced,
    place: str,
    *,
    dry_run: bool,
) -> State[None]:
    told = (
        f"{produced.rows} rows would be delivered"
        if dry_run
        else f"{produced.rows} rows in {place}"
    )
    if not place and not dry_run:
        told = "Nothing new: no file was due"
    create_markdown_artifact(
        key=f"{agreement.client}-export-{kind}".replace("_", "-"),
        markdown=export_summary(kind, covered.window, told, produced.api_calls, produced.notes),
        description=told,
    )
    return Completed(message=told)
