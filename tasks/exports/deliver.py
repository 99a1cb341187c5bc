"""Hand over: bring a staged export to the client's server, and move the watermark, last."""

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
    """A file on its way: its name at the client, its hash, and where it is: a path in the scratch
    folder, or the name of a staged file in the ledger's storage."""

    name: str
    sha256: str
    path: Path | None = None
    staged: str = ""

    @classmethod
    def of(cls, entry: ExportEntry, path: Path | None = None) -> Self:
        """What is staged for a window; `path` where the same bytes are in the scratch folder."""
        return cls(entry.file_name, entry.sha256, path, staged=entry.staged)


@retried_task("deliver", "deliver {parcel.name}")
def deliver_file(
    agreement: ExportAgreement, kind: KindName, parcel: OutgoingFile, scratch: Path
) -> str:
    """Deliver a file, and its done-marker behind it; the path on the server, "" for no file.

    Repeating it is harmless: the same bytes come under the same name.
    """
    if not parcel.name:
        return ""
    path = parcel.path
    if path is None:
        storage = load(Ledger, agreement.ledger).open_storage()
        path = storage.get(parcel.staged, scratch / "staged")
    with load_server(agreement.server).connect() as server:
        if agreement.folder not in ("", "."):
            server.make_folder(agreement.folder)
        _publish(agreement, server, path, parcel.name)
        _mark(agreement, parcel, server, scratch)
        _clean(agreement, kind, server)
    return join(agreement.folder, parcel.name)


def _publish(agreement: ExportAgreement, server: Transport, path: Path, name: str) -> None:
    """Bring a file to its final name in the way that the client's server allows."""
    goal = join(agreement.folder, name)
    if agreement.publishing.existing == "keep" and _is_there(server, goal, path.stat().st_size):
        return
    if agreement.publishing.publish == "direct":
        server.write(path, goal)
    else:
        deliver(server, path, agreement.folder, name)


def _is_there(server: Transport, goal: str, size: int) -> bool:
    try:
        found = server.stat(goal)
    except FileGone:
        return False
    if found.size != size:
        raise RunStopped(
            f"{goal!r} is on the server with {found.size} bytes instead of {size}, and it was "
            "agreed not to replace files. Remove it there, then run this again."
        )
    return True


def _mark(
    agreement: ExportAgreement, parcel: OutgoingFile, server: Transport, scratch: Path
) -> None:
    marker = agreement.packing.marker_name(parcel.name)
    if marker:
        path, text = scratch / "marker", agreement.packing.marker_text(parcel.name, parcel.sha256)
        path.write_text(text, encoding="utf-8")
        _publish(agreement, server, path, marker)


def _clean(agreement: ExportAgreement, kind: KindName, server: Transport) -> None:
    """Delete our own files that are older than agreed."""
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
    """Whose files are named."""
    return Scope(agreement.client, kind, tuple(agreement.lists), agreement.format.zone)


@retried_task("advance", "advance {agreement.client}")
def advance(agreement: ExportAgreement, kind: KindName, entry: ExportEntry) -> None:
    """The client has the file: what served older windows is removed, and this one is closed.

    The file stays until the next window is delivered, so that it can be delivered again, and the
    snapshots of this window and the one before stay. The watermark moves last: a run that was
    cut off in between removes what is gone already, and nothing is left lying about.
    """
    ledger, stream = load(Ledger, agreement.ledger), agreement.stream(kind)
    storage = ledger.open_storage()
    with ledger.open() as store:
        for name in exports.outdated(store, agreement.client, stream, entry.number):
            storage.remove(name)
        exports.delivered(store, agreement.client, stream, entry.number)
