"""What has to be true of one deployment in a client's file, rule by rule."""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from prefect import Flow
from pydantic import ValidationError

from deployments.checking.messages import meant, refusals, unknown
from deployments.checking.schedules import schedule_faults
from deployments.checking.yaml_lines import Fault
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.grounds import missing_grounds
from tasks.reports.kinds import EXPORT_KINDS, LAYOUTS

DEPLOYMENT_KEYS = (
    "name", "description", "entrypoint", "work_pool", "tags", "concurrency_limit", "schedules",
    "parameters", "paused", "triggers", "version", "version_type", "enforce_parameter_schema",
    "build", "push", "pull", "sla",
)  # fmt: skip
"""What Prefect reads of a deployment; it ignores all other keys without a word."""

ONE_AT_A_TIME = {"limit": 1, "collision_strategy": "ENQUEUE"}
FUNCTIONS = (
    "import_recipients",
    *(f"export_{name}" for name in EXPORT_KINDS),
    "check_connections",
    "watch_clients",
)


def deployment_faults(entry: Mapping[str, Any]) -> Iterator[Fault]:
    """All faults of one entry of `deployments`."""
    for key in entry:
        if key not in DEPLOYMENT_KEYS:
            yield (key,), unknown(str(key), DEPLOYMENT_KEYS)
    yield from _running_faults(entry)
    flow = flow_of(entry.get("entrypoint"))
    if isinstance(flow, str):
        yield ("entrypoint",), flow
        yield from schedule_faults(entry.get("schedules"), None, None)
        return
    client = client_of(flow, entry)
    yield from _name_faults(flow, client, entry)
    yield from schedule_faults(entry.get("schedules"), parameters_of(flow), client)
    yield from _parameter_faults(flow, entry.get("parameters"))


def flow_of(entrypoint: Any) -> Flow[..., Any] | str:
    """The flow that a dotted entrypoint names, or what is wrong with it."""
    module, _, name = str(entrypoint or "").rpartition(".")
    try:
        flow = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        flow = None
    if isinstance(flow, Flow):
        return flow
    known = [f"flows.{function}.{function}" for function in FUNCTIONS]
    return (
        f"{entrypoint!r} names no flow; accepted are a module and a flow with a dot between, such "
        f"as {known[0]}; {meant(str(entrypoint), known)}."
    )


def client_of(flow: Flow[..., Any], entry: Mapping[str, Any]) -> str | None:
    """The client that a deployment works for; None for a flow that works for no single one."""
    given = entry.get("parameters")
    given = given if isinstance(given, Mapping) else {}
    if "agreement" in parameters_of(flow):
        agreement = given.get("agreement")
        return str(agreement.get("client", "")) if isinstance(agreement, Mapping) else ""
    return str(given.get("client", "")) if "client" in parameters_of(flow) else None


def parameters_of(flow: Flow[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a flow by name."""
    return inspect.signature(flow.fn).parameters


def _name_faults(
    flow: Flow[..., Any], client: str | None, entry: Mapping[str, Any]
) -> Iterator[Fault]:
    """Name and tags say whose the deployment is and what it does."""
    tags = entry.get("tags")
    tags = tags if isinstance(tags, list) else []
    wanted = [f"function:{flow.name}"]
    if client:
        wanted.insert(0, f"client:{client}")
    for tag in wanted:
        if tag not in tags:
            yield ("tags",), f"{tag!r} is missing; accepted are tags with it; add it."
    if not entry.get("name"):
        yield ("name",), f"the name is missing; accepted is the client; add {client or 'one'}."
    elif client and entry["name"] != client:
        yield (
            ("name",),
            f"{entry['name']!r} is not the client; accepted is the client that the parameters "
            f"name; write {client}.",
        )


def _running_faults(entry: Mapping[str, Any]) -> Iterator[Fault]:
    """Where a deployment runs, and that its runs wait for each other."""
    if entry.get("concurrency_limit") != ONE_AT_A_TIME:
        yield (
            ("concurrency_limit",),
            "two runs of one deployment must wait for each other; accepted is "
            "{limit: 1, collision_strategy: ENQUEUE}; write that.",
        )
    pool = entry.get("work_pool")
    variables = pool.get("job_variables") if isinstance(pool, Mapping) else None
    folder = variables.get("working_dir") if isinstance(variables, Mapping) else None
    if not isinstance(folder, str) or not folder:
        yield (
            ("work_pool",),
            "process pools would run it in an empty folder; accepted is job_variables with "
            "'working_dir: .'; copy work_pool from prefect.yaml.",
        )


def _parameter_faults(flow: Flow[..., Any], given: Any) -> Iterator[Fault]:
    """Names that the flow does not have, and values that its models refuse."""
    accepted = parameters_of(flow)
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        yield ("parameters",), "is no mapping; accepted are names with values; correct the indent."
        return
    for name, value in given.items():
        if name not in accepted:
            yield ("parameters", name), unknown(str(name), list(accepted))
            continue
        for steps, sentence in refusals(accepted[name].annotation, value):
            yield ("parameters", name, *steps), sentence
    for name, parameter in accepted.items():
        if parameter.default is inspect.Parameter.empty and name not in given:
            yield ("parameters", name), f"{name} is missing; accepted is what was agreed; add it."
    yield from _column_faults(flow, given)
    if flow.name == "import-recipients":
        yield from _ground_faults(given.get("agreement"))


def _ground_faults(given: Any) -> Iterator[Fault]:
    """Channels on whose ground an agreement is silent: its files would not be sent."""
    try:
        agreement = ImportAgreement.model_validate(given)
    except ValidationError:
        return  # what is refused has been said
    for missing in missing_grounds(agreement.consent, agreement.mapping):
        steps = ("parameters", "agreement", *missing.setting.split("."))
        yield steps, f"{missing.text}. {missing.remedy}"


def _column_faults(flow: Flow[..., Any], given: Mapping[str, Any]) -> Iterator[Fault]:
    """Columns that the layout of this kind of export does not have."""
    layout = LAYOUTS.get(flow.name.removeprefix("export-").replace("-", "_"))
    agreement = given.get("agreement")
    chosen = agreement.get("columns") if isinstance(agreement, Mapping) else None
    if layout is None or not isinstance(chosen, list):
        return
    for place, header in enumerate(chosen):
        if isinstance(header, str) and (mistake := layout.mistake([header])):
            yield ("parameters", "agreement", "columns", place), mistake
