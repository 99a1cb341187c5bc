"""Find and delete what has left a client's file.

Prefect keeps deployments and schedules that are no longer in the file, and continues to run them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from blocks.errors import ConfigurationError
from deployments.check import check_files
from deployments.checking.rules import client_of, flow_of
from deployments.checking.yaml_lines import read
from deployments.client_files import SHARED
from tasks.monitoring.prefect_api import ACTIVE, of_type

_PAGE = 200
_CANCELLED = "Cancelled, for its deployment was removed. What it waited for stays held."


@dataclass(frozen=True)
class Surplus:
    """Something in Prefect that no file names: what it is, and the ids that delete it. A run waits
    for somebody's decision, and is cancelled."""

    shown: str
    deployment: UUID | None = None
    schedule: UUID | None = None
    block: UUID | None = None
    run: UUID | None = None


def deployments_of(client: str, paths: Sequence[Path]) -> dict[str, set[str]]:
    """What the files name: slugs by "flow/name" of each deployment of the client.

    ConfigurationError where a file that is about the client has faults: what cannot be read has
    not left. Faults of other clients' files do not matter.
    """
    slugs: dict[str, set[str]] = {}
    about = [path for path in paths if _is_about(client, path)]
    wrong = [fault for fault in check_files(about) if not fault.lacks_ground]
    if wrong:
        raise ConfigurationError(f"{wrong[0].file} has faults; `mailup-exchange check` lists them.")
    for path in about:
        for entry in read(path).value["deployments"]:
            flow = flow_of(entry.get("entrypoint"))
            if not isinstance(flow, str) and client_of(flow, entry) == client:
                schedules = entry.get("schedules") or []
                slugs[f"{flow.name}/{entry['name']}"] = {each["slug"] for each in schedules}
    return slugs


def _is_about(client: str, path: Path) -> bool:
    """Whether a file is called after the client, or names it; a shared one that is no list may."""
    if path.stem == client:
        return True
    try:
        entries = read(path).value["deployments"]
        return any(
            entry.get("name") == client or f"client:{client}" in (entry.get("tags") or ())
            for entry in entries
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, KeyError, TypeError):
        return path.name in SHARED


def surplus(
    client: str, api: SyncPrefectClient, paths: Sequence[Path], *, blocks: bool
) -> list[Surplus]:
    """What Prefect has of a client and no file names; if asked, blocks that nothing else uses.

    ConfigurationError where neither Prefect nor a file knows the client, or a run of what would go
    is at work.
    """
    kept = deployments_of(client, paths)
    deployed = list(_deployments(api))
    flows = {each.flow_id: api.read_flow(each.flow_id).name for each in deployed}
    found: list[Surplus] = []
    known = bool(kept)
    gone: list[DeploymentResponse] = []
    for each in deployed:
        name = f"{flows[each.flow_id]}/{each.name}"
        if f"client:{client}" not in each.tags and each.name != client:
            continue
        known = True
        if name not in kept:
            gone.append(each)
            found += _waiting_runs(api, each)
            found.append(Surplus(f"deployment {name}", deployment=each.id))
            continue
        found += [
            Surplus(f"schedule {schedule.slug or 'without slug'} of {name}", each.id, schedule.id)
            for schedule in each.schedules
            if schedule.slug not in kept[name]
        ]
    if not known:
        raise ConfigurationError(
            f"Neither Prefect nor a file knows a client {client!r}; `mailup-exchange status` lists "
            "those that are known."
        )
    if blocks:
        staying = [each for each in deployed if each not in gone]
        found += _blocks(api, _references(gone) - _references(staying))
    return found


def delete(found: Sequence[Surplus], api: SyncPrefectClient) -> None:
    """Delete what was found; what somebody else deleted meanwhile is as good."""
    for each in found:
        try:
            if each.run is not None:
                # What waits for a decision would wait for ever once its deployment is gone.
                api.set_flow_run_state(each.run, Cancelled(message=_CANCELLED), force=True)
            elif each.block is not None:
                api.delete_block_document(each.block)
            elif each.schedule is not None and each.deployment is not None:
                api.delete_deployment_schedule(each.deployment, each.schedule)
            elif each.deployment is not None:
                api.delete_deployment(each.deployment)
        except ObjectNotFound:
            continue


def _deployments(api: SyncPrefectClient) -> Iterator[DeploymentResponse]:
    offset = 0
    while page := api.read_deployments(limit=_PAGE, offset=offset):
        yield from page
        offset += len(page)


def _waiting_runs(api: SyncPrefectClient, deployed: DeploymentResponse) -> Iterator[Surplus]:
    """Runs of a deployment that have not ended, scheduled ones aside: these go with it."""
    runs = api.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployed.id])),
        flow_run_filter=FlowRunFilter(state=of_type(*ACTIVE, StateType.PAUSED)),
    )
    for run in runs:
        if run.state_type != StateType.PAUSED:
            raise ConfigurationError(
                f"The run {run.name!r} is at work. Wait until it has ended, or cancel it in "
                "Prefect's UI; then run this again."
            )
        yield Surplus(f"run {run.name} ({run.state_name}), which is cancelled", run=run.id)


def _references(deployed: Sequence[DeploymentResponse]) -> set[tuple[str, str]]:
    """Kind and name of every block that the agreements of these deployments name."""
    found: set[tuple[str, str]] = set()
    for each in deployed:
        agreement: dict[str, Any] = (each.parameters or {}).get("agreement") or {}
        packing: dict[str, Any] = agreement.get("packing") or {}
        server, _, name = str(agreement.get("server", "")).partition("/")
        found |= {
            (server, name),
            ("mailup-account", str(agreement.get("account", ""))),
            ("gpg-key", str(agreement.get("decryption_key", ""))),
            ("gpg-key", str((agreement.get("archive") or {}).get("key", ""))),
            ("gpg-key", str(packing.get("sign_with", ""))),
            ("gpg-recipient", str(packing.get("encrypt_for", ""))),
        }
    return {(kind, name) for kind, name in found if kind and name}


def _blocks(api: SyncPrefectClient, references: set[tuple[str, str]]) -> Iterator[Surplus]:
    for kind, name in sorted(references):
        try:
            document = api.read_block_document_by_name(name, kind, include_secrets=False)
        except ObjectNotFound:
            continue
        yield Surplus(f"block {kind}/{name}", block=document.id)
