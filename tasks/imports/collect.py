"""Collect: find the client's files, wait until nobody writes to them, and fetch them."""

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
        len(listed),
        len(chosen),
        file or source.pattern,
        len(ready),
    )
    return FoundFiles(tuple(ready), passed_over)


def _named(listed: list[RemoteFile], file: str, source: Source) -> list[RemoteFile]:
    chosen = files_named(listed, file)
    if not chosen:
        raise FileGone(
            f"The file {file!r} is not in the folder {source.folder!r} of the server. Give the "
            "name of a file that is there, or leave the parameter 'file' empty."
        )
    return chosen


@retried_task("fetch", "fetch {remote.name}")
def fetch(job: ImportJob, remote: RemoteFile) -> Fetched | None:
    """Download one file into the scratch folder and hash it.

    None where it vanished or changed since it was looked at: it is left for the next run.
    """
    target = job.scratch / "fetched" / hashlib.sha256(remote.name.encode()).hexdigest()[:16]
    target.parent.mkdir(exist_ok=True)
    with load_server(job.agreement.server).connect() as server:
        try:
            size = server.read(job.agreement.source.path(remote.name), target, size=remote.size)
        except (FileGone, FileHeld) as passed_over:
            get_run_logger().warning("%s It is left for the next run.", passed_over)
            return None
    return Fetched(own_name(remote.name), target, size, sha256_of(target), remote)


def tell_of_passed_over(agreement: ImportAgreement, looked: FoundFiles, *, dry_run: bool) -> None:
    """Nothing where no file was passed over."""
    if looked.passed_over:
        _tell(agreement, looked.passed_over, dry_run=dry_run)


@retried_task("pass over", "tell of files that are passed over")
def _tell(agreement: ImportAgreement, number: int, *, dry_run: bool) -> None:
    """An artifact for the operator and, unless it is there, a notice in the results folder."""
    create_markdown_artifact(
        key=f"{agreement.client}-passed-over",
        markdown=for_operators(agreement.source.folder, number),
        description=f"{number} files are passed over",
    )
    if not dry_run:
        _deliver(agreement, notice(agreement.results.language))


def _deliver(agreement: ImportAgreement, content: bytes) -> None:
    folder = join(agreement.source.folder, agreement.results.folder)
    alone = owned_folder(scratch_parent())
    with alone as scratch, load_server(agreement.server).connect() as server:
        server.make_folder(folder)
        try:
            there = server.stat(join(folder, NOTICE_NAME)).size
        except FileGone:
            there = None
        if there != len(content):  # it says the same each time
            path = scratch / NOTICE_NAME
            path.write_bytes(content)
            deliver(server, path, folder, NOTICE_NAME)
