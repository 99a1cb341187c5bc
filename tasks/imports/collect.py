"""Collect: find the client's files, wait until they are complete, and download them."""

import hashlib

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact

from blocks.errors import FileGone, FileHeld
from blocks.servers import load_server
from blocks.transport.arrival import stable_files
from blocks.transport.base import RemoteFile
from blocks.transport.delivery import deliver
from tasks.files.hashing import sha256_of
from tasks.files.remote_paths import join
from tasks.records.agreement import ImportAgreement
from tasks.records.job import ImportJob
from tasks.records.source import Source, files_named, in_order, own_name
from tasks.records.stages import Fetched, FoundFiles
from tasks.runs.owned_folders import owned_folder
from tasks.runs.retrying import retried_task
from tasks.runs.scratch import scratch_parent
from tasks.texts.skipped_names import NOTICE_NAME, for_operators, notice


@retried_task("look", "look for files of {agreement.client}")
def find_files(agreement: ImportAgreement, file: str) -> FoundFiles:
    """Find the files to import, in order; only `file` if it is given.

    A file that is still growing or newer than agreed is left for the next run.
    """
    source = agreement.source
    with load_server(agreement.server).connect() as server:
        listed = list(server.list(source.folder))
        skipped_names = server.skipped
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
        len(listed),
        len(chosen),
        file or source.pattern,
        len(ready),
    )
    return FoundFiles(tuple(ready), skipped_names)


def _named(listed: list[RemoteFile], file: str, source: Source) -> list[RemoteFile]:
    chosen = files_named(listed, file)
    if not chosen:
        raise FileGone(
            f"The file {file!r} is not in the folder {source.folder!r} of the server. Give the "
            "name of an existing file, or leave the parameter 'file' empty."
        )
    return chosen


@retried_task("fetch", "fetch {remote.name}")
def fetch(job: ImportJob, remote: RemoteFile) -> Fetched | None:
    """Download one file to the scratch folder and hash it.

    None if it was removed or changed meanwhile: it is left for the next run.
    """
    target = job.scratch / "fetched" / hashlib.sha256(remote.name.encode()).hexdigest()[:16]
    target.parent.mkdir(exist_ok=True)
    with load_server(job.agreement.server).connect() as server:
        try:
            size = server.read(job.agreement.source.path(remote.name), target, size=remote.size)
        except (FileGone, FileHeld) as error:
            get_run_logger().warning("%s It is left for the next run.", error)
            return None
    return Fetched(own_name(remote.name), target, size, sha256_of(target), remote)


def report_skipped_names(agreement: ImportAgreement, found: FoundFiles, *, dry_run: bool) -> None:
    """Report files that were skipped for their names, if any."""
    if found.skipped_names:
        _report_skipped_names(agreement, found.skipped_names, dry_run=dry_run)


@retried_task("pass over", "report files that are skipped for their names")
def _report_skipped_names(agreement: ImportAgreement, number: int, *, dry_run: bool) -> None:
    """Create an artifact for operators, and a notice in the results folder for the client."""
    create_markdown_artifact(
        key=f"{agreement.client}-passed-over",
        markdown=for_operators(agreement.source.folder, number),
        description=f"{number} files are skipped for their names",
    )
    if not dry_run:
        _deliver(agreement, notice(agreement.results.language))


def _deliver(agreement: ImportAgreement, content: bytes) -> None:
    folder = join(agreement.source.folder, agreement.results.folder)
    owned = owned_folder(scratch_parent())
    with owned as scratch, load_server(agreement.server).connect() as server:
        server.make_folder(folder)
        try:
            size = server.stat(join(folder, NOTICE_NAME)).size
        except FileGone:
            size = None
        if size != len(content):  # the notice is always the same
            path = scratch / NOTICE_NAME
            path.write_bytes(content)
            deliver(server, path, folder, NOTICE_NAME)
