"""The order of every export: window, extract, stage, deliver, advance."""

from collections.abc import Mapping
from pathlib import Path

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from blocks.errors import ConfigurationError
from blocks.errors.shown import in_markdown
from blocks.ledger.exports import ExportEntry
from tasks.exports.deliver import OutgoingFile, advance, deliver_file
from tasks.exports.extract import Produced, extract, stage
from tasks.exports.window import DueWindow, due_window, last_window, window_of
from tasks.reports.agreement import ExportAgreement
from tasks.reports.kinds import KindName
from tasks.reports.windows import Window
from tasks.runs.failure import reports_failure
from tasks.runs.lease import working_alone
from tasks.runs.scratch import scratch_folder
from tasks.runs.steps import steps_since_last_report
from tasks.texts.export_summary import export_summary


@reports_failure
def export(
    agreement: ExportAgreement,
    kind: KindName,
    *,
    since: str,
    until: str,
    again: bool,
    dry_run: bool,
) -> State[None]:
    """Deliver the window that is due, and before it one that was rendered but never delivered.

    With `since` or `until` the window is asked for by hand: it is delivered under a name of its
    own, and the watermark stays where it is. With `again` only the last window is delivered, with
    the bytes and the name that it had.
    """
    if again and (since or until):
        raise ConfigurationError(
            "again repeats the last window as it was, since and until make one by hand; "
            "choose one of them."
        )
    stream = agreement.stream(kind)
    alone = working_alone(agreement.ledger, agreement.client, stream, dry_run=dry_run)
    with alone, scratch_folder() as scratch:
        if again:
            return _again(agreement, kind, scratch, dry_run=dry_run)
        covered = due_window(agreement, kind, since, until, read_only=dry_run)
        if covered.pending and not dry_run:
            _close(agreement, kind, covered.pending, scratch)
            covered = due_window(agreement, kind, since, until, read_only=dry_run)
        produced = extract(agreement, kind, covered, scratch, dry_run=dry_run)
        place = "" if dry_run else _deliver(agreement, kind, covered, produced, scratch)
    told = _told(produced.rows, place, dry_run=dry_run)
    return _concluded(agreement, kind, covered.window, told, produced.notes)


def _deliver(
    agreement: ExportAgreement,
    kind: KindName,
    covered: DueWindow,
    produced: Produced,
    scratch: Path,
) -> str:
    if covered.window.number:
        entry = stage(agreement, kind, covered, produced)
        # What another attempt has staged may be other bytes, if they are encrypted.
        near = produced.path if produced.sha256 == entry.sha256 else None
        return _close(agreement, kind, entry, scratch, near)
    wanted = produced.rows or agreement.empty == "header-only"
    parcel = OutgoingFile(produced.name if wanted else "", produced.sha256, produced.path)
    return deliver_file(agreement, kind, parcel, scratch)


def _close(
    agreement: ExportAgreement,
    kind: KindName,
    entry: ExportEntry,
    scratch: Path,
    near: Path | None = None,
) -> str:
    """Deliver what is staged, from `near` where the same bytes are at hand, and move on."""
    place = deliver_file(agreement, kind, OutgoingFile.of(entry, near), scratch)
    advance(agreement, kind, entry)
    return place


def _again(
    agreement: ExportAgreement, kind: KindName, scratch: Path, *, dry_run: bool
) -> State[None]:
    """Deliver the last window once more, or for the first time where it never arrived."""
    entry = last_window(agreement, kind, read_only=dry_run)
    if entry is None:
        return Completed(message="Nothing was delivered yet: there is no window to repeat.")
    place = ""
    if not dry_run and entry.state == "rendered":
        place = _close(agreement, kind, entry, scratch)
    elif not dry_run:
        place = deliver_file(agreement, kind, OutgoingFile.of(entry), scratch)
    told = f"Once more: {_told(entry.rows, place, dry_run=dry_run)}"
    return _concluded(agreement, kind, window_of(entry), told)


def _told(rows: int, place: str, *, dry_run: bool) -> str:
    if dry_run:
        return f"{rows} rows would be delivered"
    return f"{rows} rows in {place}" if place else "Nothing new: no file was due"


def _concluded(
    agreement: ExportAgreement,
    kind: KindName,
    window: Window,
    told: str,
    notes: Mapping[str, int] | None = None,
) -> State[None]:
    create_markdown_artifact(
        key=f"{agreement.client}-export-{kind}".replace("_", "-"),
        markdown=export_summary(kind, window, told, notes or {}, steps_since_last_report()),
        description=in_markdown(told),
    )
    return Completed(message=told)
