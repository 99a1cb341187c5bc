"""The steps of every export: window, extract, stage, deliver, advance."""

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
    """Deliver the next window, after an earlier one that was rendered but not delivered.

    `since` or `until`: a manual window is delivered under its own name, and the watermark is not
    moved. `again`: only the last window is delivered, with the same bytes and name.
    """
    if again and (since or until):
        raise ConfigurationError(
            "again repeats the last window, since and until make a manual one; use only one of "
            "them."
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
    result = _result(produced.rows, place, dry_run=dry_run)
    return _completed(agreement, kind, covered.window, result, produced.notes)


def _deliver(
    agreement: ExportAgreement,
    kind: KindName,
    covered: DueWindow,
    produced: Produced,
    scratch: Path,
) -> str:
    if covered.window.number:
        entry = stage(agreement, kind, covered, produced)
        # An earlier attempt may have staged other bytes, if they are encrypted.
        path = produced.path if produced.sha256 == entry.sha256 else None
        return _close(agreement, kind, entry, scratch, path)
    wanted = produced.rows or agreement.empty == "header-only"
    outgoing = OutgoingFile(produced.name if wanted else "", produced.sha256, produced.path)
    return deliver_file(agreement, kind, outgoing, scratch)


def _close(
    agreement: ExportAgreement,
    kind: KindName,
    entry: ExportEntry,
    scratch: Path,
    path: Path | None = None,
) -> str:
    """Deliver a staged file, from `path` if it has the same bytes, and advance the watermark."""
    place = deliver_file(agreement, kind, OutgoingFile.of(entry, path), scratch)
    advance(agreement, kind, entry)
    return place


def _again(
    agreement: ExportAgreement, kind: KindName, scratch: Path, *, dry_run: bool
) -> State[None]:
    """Deliver the last window again, or for the first time if it was not delivered."""
    entry = last_window(agreement, kind, read_only=dry_run)
    if entry is None:
        return Completed(message="Nothing has been delivered yet: there is no window to repeat.")
    place = ""
    if not dry_run and entry.state == "rendered":
        place = _close(agreement, kind, entry, scratch)
    elif not dry_run:
        place = deliver_file(agreement, kind, OutgoingFile.of(entry), scratch)
    result = f"Again: {_result(entry.rows, place, dry_run=dry_run)}"
    return _completed(agreement, kind, window_of(entry), result)


def _result(rows: int, place: str, *, dry_run: bool) -> str:
    if dry_run:
        return f"{rows} rows would be delivered"
    return f"{rows} rows in {place}" if place else "Nothing new: no file was delivered"


def _completed(
    agreement: ExportAgreement,
    kind: KindName,
    window: Window,
    result: str,
    notes: Mapping[str, int] | None = None,
) -> State[None]:
    create_markdown_artifact(
        key=f"{agreement.client}-export-{kind}".replace("_", "-"),
        markdown=export_summary(kind, window, result, notes or {}, steps_since_last_report()),
        description=in_markdown(result),
    )
    return Completed(message=result)
