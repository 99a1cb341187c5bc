"""The names of runs in the UI: client, list, files."""

from collections.abc import Sequence

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from blocks.errors.shown import in_line
from blocks.transport.base import RemoteFile
from tasks.records.agreement import ImportAgreement


def run_name() -> str:
    """Name of a run at its start: the client, a file where one is named, and whether it is dry."""
    agreement = flow_run.parameters["agreement"]
    client = agreement["client"] if isinstance(agreement, dict) else agreement.client
    asked = [flow_run.parameters.get(name) or "" for name in ("file", "since", "until")]
    if flow_run.parameters.get("replay"):
        asked.append(f"(replay of {flow_run.parameters['replay']})")
    if flow_run.parameters.get("again"):
        asked.append("(again)")
    return _name(client, " ".join(filter(None, asked)))


def show_files_in_name(agreement: ImportAgreement, files: Sequence[RemoteFile]) -> None:
    """Put the name of the first file, and how many there are, into the name of the run."""
    if not files or flow_run.id is None:
        return
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    with get_client(sync_client=True) as client:
        client.update_flow_run(flow_run.id, name=_name(agreement.client, files[0].name + more))


def _name(client: str, files: str) -> str:
    dry = "(dry run)" if flow_run.parameters.get("dry_run") else ""
    return in_line(" ".join(filter(None, (client, files, dry))))
