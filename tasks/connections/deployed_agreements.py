"""The agreements of a client's deployments, from Prefect or from a Prefect file."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.exceptions import MissingFlowError, ScriptError
from prefect.flows import load_flow_from_entrypoint
from pydantic import ValidationError

from blocks.errors import ConfigurationError
from blocks.yaml_files import load_yaml
from tasks.checks.findings import Finding, Subject
from tasks.checks.needs import AnyAgreement
from tasks.records.agreement import ImportAgreement
from tasks.reports.agreement import ExportAgreement
from tasks.runs.retrying import retried_task

_PAGE = 200


@dataclass(frozen=True)
class Agreed:
    """The valid agreements of a client, findings about invalid ones, and their work pools."""

    agreements: tuple[AnyAgreement, ...]
    findings: tuple[Finding, ...]
    pools: tuple[str, ...]


@dataclass(frozen=True)
class Deployed:
    """One deployment: name, entrypoint, parameters and work pool."""

    name: str
    entrypoint: str
    parameters: Mapping[str, Any]
    pool: str


@retried_task("agreed", "read the agreements of {client}", retries=0)
def agreed(client: str, file: str) -> Agreed:
    """Read the agreements of the client's deployments: those with its tag, or those of a file."""
    deployed = list(_in_file(file, client) if file else _in_prefect(client))
    agreements: list[AnyAgreement] = []
    findings: list[Finding] = []
    for each in deployed:
        try:
            agreements += _agreement(each)
        except (ConfigurationError, ValidationError) as error:
            findings.append(_refused(each, error))
    if not agreements and not findings:
        findings.append(_nothing(client, file))
    pools = tuple(dict.fromkeys(each.pool for each in deployed if each.pool))
    return Agreed(tuple(agreements), tuple(findings), pools)


def client_of_file(file: str) -> str:
    """The client of a Prefect file, from its tags; ConfigurationError without one."""
    for entry in _entries(file):
        for tag in entry.get("tags") or ():
            if str(tag).startswith("client:"):
                return str(tag).removeprefix("client:")
    raise ConfigurationError(f"{file} has no deployment with a tag client:NAME; add it.")


def _in_prefect(client: str) -> Iterator[Deployed]:
    tagged = DeploymentFilter(tags=DeploymentFilterTags(all_=[f"client:{client}"]))
    with get_client(sync_client=True) as api:
        found = api.read_deployments(deployment_filter=tagged, limit=_PAGE)
    for each in found:
        yield Deployed(
            each.name, each.entrypoint or "", each.parameters or {}, each.work_pool_name or ""
        )


def _in_file(file: str, client: str) -> Iterator[Deployed]:
    for entry in _entries(file):
        if f"client:{client}" in (entry.get("tags") or ()):
            pool = entry.get("work_pool") or {}
            yield Deployed(
                str(entry.get("name")),
                str(entry.get("entrypoint")),
                entry.get("parameters") or {},
                str(pool.get("name") or ""),
            )


def _entries(file: str) -> Iterable[dict[str, Any]]:
    try:
        content = load_yaml(Path(file))
        return [entry for entry in content["deployments"] if isinstance(entry, dict)]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{file} cannot be read as a Prefect file with deployments ({type(error).__name__}); "
            "give the path of a file such as deployments/acme.yaml."
        ) from None


def _agreement(deployed: Deployed) -> list[AnyAgreement]:
    """The agreement in the parameters, as the flow's model; none if the flow has none."""
    # Load the flow as a worker does.
    try:
        flow: Flow[..., Any] = load_flow_from_entrypoint(
            deployed.entrypoint, use_placeholder_flow=False
        )
    except (MissingFlowError, ScriptError, ImportError, ValueError) as error:
        raise ConfigurationError(
            f"The flow {deployed.entrypoint!r} cannot be loaded ({type(error).__name__})."
        ) from None
    wanted = inspect.signature(flow.fn).parameters.get("agreement")
    if wanted is None:
        return []
    model = wanted.annotation
    if not issubclass(model, ImportAgreement | ExportAgreement):
        return []
    return [model.model_validate(deployed.parameters.get("agreement"))]


def _refused(deployed: Deployed, error: ConfigurationError | ValidationError) -> Finding:
    flow = deployed.entrypoint.rpartition(".")[2].replace("_", "-")
    subject = Subject(f"deployment {flow}/{deployed.name}")
    if isinstance(error, ConfigurationError):
        return subject.fix("entrypoint", str(error), "Deploy the client's file again.")
    wrong = "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'agreement'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )
    return subject.fix(
        "parameters",
        wrong,
        "Correct the agreement in the client's file and deploy it again.",
    )


def _nothing(client: str, file: str) -> Finding:
    where = file or "Prefect"
    return Subject(f"client {client}").fix(
        "deployments",
        f"{where} has no deployment with the tag client:{client} that has an agreement",
        "Deploy the client's file, give its path as 'file', or correct the name of the client.",
    )
