"""Collect: find the client's files, wait until nobody writes to them, and fetch them."""

import hashlib
from pathlib import Path

from prefect import get_run_logger

from blocks.errors import FileGone, FileHeld
from blocks.servers import load_server
from blocks.transport.arrival import stable_files
from blocks.transport.base import RemoteFile
from tasks.files.hashing import sha256_of
from tasks.records.agreement import ImportAgreement
from tasks.records.source import Source, in_order, named, own_name
from tasks.records.stages import Fetched, Looked
from tasks.runs.retrying import unit


@unit("look", "look for files of {agreement.client}")
def look(agreement: ImportAgreement, file: str) -> Looked:
    """Files to import, in order; only `file` where one is named. Empty where nothing is there.

    A file that is still growing or younger than agreed is left for the next run.
    """
    source = agreement.source
    with load_server(agreement.server).connect() as server:
        listed = list(server.list(source.folder))
        passed_over = server.skipped
        chosen = _named(listed, file, source) if file else in_order(listed, source)
        ready = stable_files(
            server,
            source.folder,
            chosen,
            wait_seconds=source.settle_seconds,
            minimum_age_seconds=source.minimum_age_seconds,
        )
    logger = get_run_logger()
    logger.info(
        "%d files in the folder, %d match %r, %d of them are complete",
        len(listed), len(chosen), file or source.pattern, len(ready),
    )  # fmt: skip
    return Looked(tuple(ready), passed_over)


def _named(listed: list[RemoteFile], file: str, source: Source) -> list[RemoteFile]:
    chosen = named(listed, file)
    if not chosen:
        raise FileGone(
            f"The file {file!r} is not in the folder {source.folder!r} of the server. Give the "
            "name of a file that is there, or leave the parameter 'file' empty."
        )
    return chosen


@unit("fetch", "fetch {remote.name}")
def fetch(agreement: ImportAgreement, remote: RemoteFile, scratch: Path) -> Fetched | None:
    """Download one file into the scratch folder and hash it.

    None where it vanished or changed since it was looked at: it is left for the next run.
    """
    target = scratch / "fetched" / hashlib.sha256(remote.name.encode()).hexdigest()[:16]
    target.parent.mkdir(exist_ok=True)
    with load_server(agreement.server).connect() as server:
        try:
            size = server.read(agreement.source.path(remote.name), target, size=remote.size)
        except (FileGone, FileHeld) as passed_over:
            get_run_logger().warning("%s It is left for the next run.", passed_over)
            return None
    return Fetched(own_name(remote.name), target, size, sha256_of(target), remote)
