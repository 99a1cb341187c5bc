"""Deliver: upload a staged export to the client's server, then advance the watermark."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from prefect import get_run_logger

from blocks.errors import FileGone, RunStopped
from blocks.ledger import exports
from blocks.ledger.exports import ExportEntry
from blocks.ledgers import Ledger
from blocks.loading import load
from blocks.servers import load_server
from blocks.transport.base import Transport
from blocks.transport.delivery import deliver
from tasks.files.remote_paths import join
from tasks.reports.agreement import ExportAgreement
from tasks.reports.kinds import KindName
from tasks.reports.output.filenames import Scope
from tasks.reports.output.retention import expired
from tasks.runs.retrying import retried_task


@dataclass(frozen=True)
class OutgoingFile:
    """A file to be delivered: its name at the client, its hash, and its location: a path in the
    scratch folder, or the name of a staged file in the ledger's storage."""

    name: str
    sha256: str
    path: Path | None = None
    staged: str = ""

    @classmethod
    def of(cls, entry: ExportEntry, path: Path | None = None) -> Self:
        """The staged file of a window; `path` if the same bytes are in the scratch folder."""
        return cls(entry.file_name, entry.sha256, path, staged=entry.staged)


@retried_task("deliver", "deliver {outgoing.name}")
def deliver_file(
    agreement: ExportAgreement, kind: KindName, outgoing: OutgoingFile, scratch: Path
) -> str:
    """Deliver a file, then its done-marker; return the path on the server, "" for no file.

    Idempotent: the same bytes are delivered under the same name.
    """
    if not outgoing.name:
        return ""
    path = outgoing.path
    if path is None:
        storage = load(Ledger, agreement.ledger).open_storage()
        path = storage.get(outgoing.staged, scratch / "staged")
    with load_server(agreement.server).connect() as server:
        if agreement.folder not in ("", "."):
            server.make_folder(agreement.folder)
        _publish(agreement, server, path, outgoing.name)
        _mark(agreement, outgoing, server, scratch)
        _clean(agreement, kind, server)
    return join(agreement.folder, outgoing.name)


def _publish(agreement: ExportAgreement, server: Transport, path: Path, name: str) -> None:
    """Upload a file under its final name, as the client's server allows."""
    goal = join(agreement.folder, name)
    if agreement.publishing.existing == "keep" and _exists(server, goal, path.stat().st_size):
        return
    if agreement.publishing.publish == "direct":
        server.write(path, goal)
    else:
        deliver(server, path, agreement.folder, name)


def _exists(server: Transport, goal: str, size: int) -> bool:
    try:
        found = server.stat(goal)
    except FileGone:
        return False
    if found.size != size:
        raise RunStopped(
            f"{goal!r} is on the server with {found.size} bytes instead of {size}, and the "
            "agreement does not allow to replace files. Delete it there, then retry the run."
        )
    return True


def _mark(
    agreement: ExportAgreement, outgoing: OutgoingFile, server: Transport, scratch: Path
) -> None:
    marker = agreement.packing.marker_name(outgoing.name)
    if marker:
        path, text = (
            scratch / "marker",
            agreement.packing.marker_text(outgoing.name, outgoing.sha256),
        )
        path.write_text(text, encoding="utf-8")
        _publish(agreement, server, path, marker)


def _clean(agreement: ExportAgreement, kind: KindName, server: Transport) -> None:
    """Delete delivered files that are older than agreed."""
    old = expired(
        server.list(agreement.folder) if agreement.keep_days else (),
        scope(agreement, kind),
        agreement.naming,
        agreement.packing,
        days=agreement.keep_days,
        now=datetime.now(UTC),
    )
    for file in old:
        try:
            server.remove(join(agreement.folder, file.name))
        except FileGone:
            continue
    if old:
        days = agreement.keep_days
        get_run_logger().info("%d files older than %d days were deleted", len(old), days)


def scope(agreement: ExportAgreement, kind: KindName) -> Scope:
    """The scope of file names."""
    return Scope(agreement.client, kind, tuple(agreement.lists), agreement.format.zone)


@retried_task("advance", "advance {agreement.client}")
def advance(agreement: ExportAgreement, kind: KindName, entry: ExportEntry) -> None:
    """Delete what older windows needed and advance the watermark after a delivery.

    The staged file is kept until the next window is delivered, so that it can be delivered again,
    as are the snapshots of this window and the previous one. The watermark is advanced last: an
    interrupted run repeats the deletions, which is harmless.
    """
    ledger, stream = load(Ledger, agreement.ledger), agreement.stream(kind)
    storage = ledger.open_storage()
    with ledger.open() as store:
        for name in exports.outdated(store, agreement.client, stream, entry.number):
            storage.remove(name)
        exports.delivered(store, agreement.client, stream, entry.number)
