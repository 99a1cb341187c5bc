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
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from blocks.errors import ConfigurationError
from deployments.check import check_files
from deployments.checking.rules import client_of, flow_of
from deployments.checking.yaml_lines import read
from deployments.client_files import SHARED

_PAGE = 200


@dataclass(frozen=True)
class Surplus:
    """Something in Prefect that no file names: what it is, and the ids that delete it."""

    shown: str
    deployment: UUID | None = None
    schedule: UUID | None = None
    block: UUID | None = None


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
    """What Prefect has of a client and no file names; if asked, blocks that nothing else uses."""
    kept = deployments_of(client, paths)
    deployed = list(_deployments(api))
    flows = {each.flow_id: api.read_flow(each.flow_id).name for each in deployed}
    found: list[Surplus] = []
    gone: list[DeploymentResponse] = []
    for each in deployed:
        name = f"{flows[each.flow_id]}/{each.name}"
        if f"client:{client}" not in each.tags and each.name != client:
            continue
        if name not in kept:
            gone.append(each)
            found.append(Surplus(f"deployment {name}", deployment=each.id))
            continue
        found += [
            Surplus(f"schedule {schedule.slug or 'without slug'} of {name}", each.id, schedule.id)
            for schedule in each.schedules
            if schedule.slug not in kept[name]
        ]
    if blocks:
        staying = [each for each in deployed if each not in gone]
        found += _blocks(api, _references(gone) - _references(staying))
    return found


def delete(found: Sequence[Surplus], api: SyncPrefectClient) -> None:
    """Delete what was found; what somebody else deleted meanwhile is as good."""
    for each in found:
        try:
            if each.block is not None:
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
