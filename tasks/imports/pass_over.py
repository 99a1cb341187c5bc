"""Pass over: client and operator hear of files whose names cannot be used, to rename them."""

from prefect.artifacts import create_markdown_artifact

from blocks.errors import FileGone
from blocks.servers import load_server
from blocks.transport.delivery import deliver
from tasks.records.agreement import ImportAgreement
from tasks.records.source import join
from tasks.records.stages import Looked
from tasks.runs.owned_folders import owned_folder
from tasks.runs.retrying import unit
from tasks.runs.scratch import scratch_parent
from tasks.texts.skipped_names import NOTICE_NAME, for_operators, notice


def tell_of_passed_over(agreement: ImportAgreement, looked: Looked, *, dry_run: bool) -> None:
    """Nothing where no file was passed over."""
    if looked.passed_over:
        _tell(agreement, looked.passed_over, dry_run=dry_run)


@unit("pass over", "tell of files that are passed over")
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
