"""Promises of deploying: what is new begins paused, and what is there stays as it is."""

from typing import Any

import pytest
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule

from deployments.deploy import as_on_server

CRON = CronSchedule(cron="30 4 * * *")
ENTRY: dict[str, Any] = {
    "name": "acme",
    "entrypoint": "flows.import_recipients.import_recipients",
    "tags": ["client:acme"],
    "schedules": [{"slug": "daily", "cron": "30 4 * * *"}, {"slug": "new", "cron": "30 5 * * *"}],
}


def on_server(*, paused: bool, active: bool) -> DeploymentResponse:
    """A deployment as Prefect's API answers, with one schedule."""
    schedule = DeploymentSchedule(slug="daily", schedule=CRON, active=active)
    return DeploymentResponse.model_construct(paused=paused, schedules=[schedule])


def active_of(entry: dict[str, Any]) -> dict[str, bool]:
    return {each["slug"]: each["active"] for each in entry["schedules"]}


def test_a_clients_new_deployment_begins_paused() -> None:
    """Nothing runs by itself before somebody has seen a dry run; the watcher is no client's."""
    assert as_on_server(ENTRY, None)["paused"]
    assert not as_on_server({**ENTRY, "tags": ["function:watch-clients"]}, None)["paused"]


@pytest.mark.parametrize("paused", [True, False])
def test_a_deployment_that_is_there_stays_as_it_is(paused: bool) -> None:
    """`prefect deploy` would make it active, and each schedule of it."""
    kept = as_on_server(ENTRY, on_server(paused=paused, active=not paused))
    assert kept["paused"] is paused
    assert active_of(kept) == {"daily": not paused, "new": True}


def test_what_the_file_says_counts() -> None:
    """A schedule that is agreed to be off is off, whatever somebody did in the UI."""
    said = {**ENTRY, "paused": False, "schedules": [{**ENTRY["schedules"][0], "active": False}]}
    assert not as_on_server(said, None)["paused"]
    kept = as_on_server(said, on_server(paused=True, active=True))
    assert (kept["paused"], active_of(kept)) == (False, {"daily": False})
