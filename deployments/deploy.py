"""Deploying a client's file with Prefect's own command, and starting what begins paused.

`prefect deploy` makes every deployment active that does not say otherwise, also one that was paused
on the server. So it gets a copy of the file in which each deployment and each schedule has what the
server has, and paused where the server does not know it yet.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from blocks.errors import ConfigurationError
from deployments.check import check_files
from deployments.checking.rules import flow_of
from deployments.checking.yaml_lines import read
from deployments.client_files import ROOT, shown
from tasks.monitoring import prefect_api

_IMPORT = "import-recipients/"
_SECONDS = 600
_SHOWN_LINES = 15
_DECORATION = re.compile(r"[\u2500-\u257f]+|\x1b\[[0-9;]*m")


def deploy(path: Path) -> dict[str, bool]:
    """Deploy all of a file; whether each of its deployments is paused now, by "flow/name".

    ConfigurationError where the file has faults, or Prefect refuses it.
    """
    _require_faultless(path)
    with get_client(sync_client=True) as api:
        content = _content_as_on_server(api, read(path).value)
        _run_prefect(path, content)
        return {name: found.paused for name, found in _deployed(api, content) if found}


def start_deployments(path: Path, *, untried: bool = False) -> tuple[list[str], list[str]]:
    """Start what is paused of a file's deployments; names of those, and of imports that stay paused
    because no run of them has completed, unless `untried` are started, too."""
    started, tried_first = [], []
    with get_client(sync_client=True) as api:
        for name, found in _deployed(api, read(path).value):
            if not found or not found.paused:
                continue
            if not untried and name.startswith(_IMPORT) and not _has_completed(api, found.id):
                tried_first.append(name)
                continue
            api.resume_deployment(found.id)
            started.append(name)
    return started, tried_first


def _has_completed(api: SyncPrefectClient, deployment: UUID) -> bool:
    """Whether any run of a deployment has completed: of a new one, that is a run by hand."""
    return bool(
        api.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
            flow_run_filter=FlowRunFilter(state=prefect_api.of_type(StateType.COMPLETED)),
            limit=1,
        )
    )


def _require_faultless(path: Path) -> None:
    faults = check_files([path])
    if faults:
        first = "\n".join(str(each) for each in faults[:_SHOWN_LINES])
        raise ConfigurationError(f"{shown(path)} has faults:\n{first}")


def _content_as_on_server(api: SyncPrefectClient, content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a file with `paused` and `active` as the server has them."""
    found = [known for _, known in _deployed(api, content)]
    entries = [
        as_on_server(entry, known)
        for entry, known in zip(content["deployments"], found, strict=True)
    ]
    return {**content, "deployments": entries}


def as_on_server(entry: Mapping[str, Any], known: DeploymentResponse | None) -> dict[str, Any]:
    """One deployment as it is on the server; a client's new one is paused, unless the file says."""
    if known is None:
        belongs_to_client = any(str(tag).startswith("client:") for tag in entry.get("tags") or ())
        return {"paused": belongs_to_client, **entry}
    active = {each.slug: each.active for each in known.schedules if each.slug}
    schedules = [
        {"active": active.get(each["slug"], True), **each} for each in entry.get("schedules") or ()
    ]
    return {"paused": known.paused, **entry, **({"schedules": schedules} if schedules else {})}


def _deployed(
    api: SyncPrefectClient, content: Mapping[str, Any]
) -> Iterator[tuple[str, DeploymentResponse | None]]:
    """Each deployment of a file with what Prefect has of it."""
    for entry in content["deployments"]:
        flow = flow_of(entry["entrypoint"])
        name = f"{getattr(flow, 'name', flow)}/{entry['name']}"
        try:
            yield name, api.read_deployment_by_name(name)
        except ObjectNotFound:
            yield name, None


def _run_prefect(path: Path, content: Mapping[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
        copy.write_text(text, encoding="utf-8")
        settings = get_current_settings().to_environment_variables(exclude_unset=True)
        command = ["-m", "prefect", "--no-prompt", "deploy", "--prefect-file", str(copy), "--all"]
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    if done.returncode:
        raise ConfigurationError(_refusal(shown(path), done.stdout))


def _refusal(file: str, output: str) -> str:
    """What Prefect has against a file: the last lines that it printed, without frames."""
    if "work pool is required" in output:
        return (
            f"Prefect has no work pool for {file}. Create one that is the default: `prefect "
            "work-pool create mailup --type process --set-as-default`, or name one in "
            "PREFECT_DEFAULT_WORK_POOL_NAME."
        )
    lines = (_DECORATION.sub("", line).strip() for line in output.splitlines())
    last = "\n".join([line for line in lines if line][-_SHOWN_LINES:])
    return f"`prefect deploy` refused {file}:\n{last}"
