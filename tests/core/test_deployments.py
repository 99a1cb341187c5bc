"""Every deployment file of the project, held against the flows that it deploys."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.client.schemas.schedules import CronSchedule
from pydantic import BaseModel, ValidationError

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "prefect.yaml", *sorted((ROOT / "deployments").glob("*.yaml"))]
DEPLOYMENTS = [
    pytest.param(entry, id=f"{path.name}: {entry['entrypoint']}")
    for path in FILES
    for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
]


def flow_of(entry: dict[str, Any]) -> Flow[..., Any]:
    module, _, name = entry["entrypoint"].rpartition(".")
    return getattr(importlib.import_module(module), name)


def agreement_of(entry: dict[str, Any]) -> BaseModel:
    model = inspect.signature(flow_of(entry).fn).parameters["agreement"].annotation
    return model.model_validate(entry["parameters"]["agreement"])


@pytest.mark.parametrize("entry", DEPLOYMENTS)
def test_parameters_are_what_the_flow_accepts(entry: dict[str, Any]) -> None:
    """A deployment that cannot run is found here, not at half past four in the morning."""
    flow = flow_of(entry)
    assert set(entry["parameters"]) <= set(inspect.signature(flow.fn).parameters)
    agreement_of(entry)


@pytest.mark.parametrize("entry", DEPLOYMENTS)
def test_a_deployment_is_named_after_its_client_and_never_runs_twice_at_once(
    entry: dict[str, Any],
) -> None:
    """Name and tag say whose it is; a second run waits for the first."""
    client = agreement_of(entry).client
    assert entry["name"] == client
    assert f"client:{client}" in entry["tags"]
    assert entry["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


@pytest.mark.parametrize("entry", DEPLOYMENTS)
def test_every_schedule_has_a_slug_a_zone_and_a_cron_that_exists(entry: dict[str, Any]) -> None:
    """Without a slug a changed schedule would be added beside the old one."""
    for schedule in entry.get("schedules", []):
        assert schedule["slug"]
        CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_says_where_it_runs(path: Path) -> None:
    """Pool and folder belong to the place: the same file is deployed to a laptop and a cluster."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    step = {"prefect.deployments.steps.set_working_directory": {"directory": "."}}
    assert content["pull"] == [step]
    for entry in content["deployments"]:
        assert entry["work_pool"] == {"job_variables": {"working_dir": "."}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"list": 1}, "list\n.*Extra inputs are not permitted"),
        ({"server": "acme"}, "server\n.*sftp-server"),
        ({"list_id": 0}, "list_id: give either the id of one list"),
        ({"consent": {"import_type": "opt-in"}}, "needs a grant; fill in grant_date"),
        ({"mapping": {"columns": [{"column": "a", "target": "field"}]}}, "needs field, the id"),
        ({"results": {"folder": "."}}, "results.folder"),
    ],
    ids=["unknown key", "block name", "no list", "no grant", "no field", "results in the inbox"],
)
def test_a_wrong_agreement_is_refused_in_one_sentence(change: dict[str, Any], told: str) -> None:
    """The message names the field and what is accepted."""
    entry = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"][0]
    entry["parameters"]["agreement"].update(change)
    with pytest.raises(ValidationError, match=told):
        agreement_of(entry)
