"""The names of runs in the UI: client, list, files."""

from collections.abc import Sequence

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from blocks.errors.shown import in_line
from blocks.transport.base import RemoteFile
from tasks.records.agreement import ImportAgreement


def run_name() -> str:
    """Name of a run at its start: client, parameters, and whether it is a dry run."""
    agreement = flow_run.parameters["agreement"]
    client = agreement["client"] if isinstance(agreement, dict) else agreement.client
    parts = [flow_run.parameters.get(name) or "" for name in ("file", "since", "until")]
    if flow_run.parameters.get("replay"):
        parts.append(f"(replay of {flow_run.parameters['replay']})")
    if flow_run.parameters.get("again"):
        parts.append("(again)")
    return _name(client, " ".join(filter(None, parts)))


def show_files_in_name(agreement: ImportAgreement, files: Sequence[RemoteFile]) -> None:
    """Set the name of the run to the first file and the number of others."""
    if not files or flow_run.id is None:
        return
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    with get_client(sync_client=True) as client:
        client.update_flow_run(flow_run.id, name=_name(agreement.client, files[0].name + more))


def _name(client: str, files: str) -> str:
    dry = "(dry run)" if flow_run.parameters.get("dry_run") else ""
    return in_line(" ".join(filter(None, (client, files, dry))))
