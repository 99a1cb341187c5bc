"""Files of the project itself: the watcher, the automations, the settings of the server."""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import Settings
from pytest import MonkeyPatch

from tasks.health.diagnosis import SILENT
from tasks.monitoring import notifications

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENTS = ROOT / "deployments"


def content(name: str) -> Any:
    return yaml.safe_load((DEPLOYMENTS / "project" / name).read_text(encoding="utf-8"))


def test_the_watcher_can_be_deployed_and_is_no_client() -> None:
    """Its entrypoint and schedule exist, and it does not watch itself."""
    (entry,) = content("watch.yaml")["deployments"]
    module, _, name = entry["entrypoint"].rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    flow.validate_parameters({})
    assert not any(tag.startswith("client:") for tag in entry["tags"])
    for schedule in entry["schedules"]:
        assert schedule["slug"]
        CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])


def test_the_automations_wait_for_what_the_watcher_tells() -> None:
    """A renamed event, or another message for a dead run, is found here."""
    trouble, silent, dead = content("automations.yaml")["automations"]
    assert set(trouble["trigger"]["expect"]) == {notifications.TROUBLE, notifications.RECOVERED}
    assert set(silent["trigger"]["after"]) == {notifications.LOOKED, notifications.EXPECTED}
    assert silent["trigger"]["expect"] == [notifications.LOOKED]
    assert silent["trigger"]["match"] == {"prefect.resource.id": notifications.WATCHER}
    assert dead["actions"][0]["message"].startswith(SILENT)


def test_a_dead_run_has_missed_three_heartbeats() -> None:
    """The automation's time limit is three times Prefect's heartbeat interval."""
    frequency = Settings().flows.heartbeat_frequency
    dead = content("automations.yaml")["automations"][2]
    assert frequency is not None
    assert dead["trigger"]["within"] == 3 * frequency


def test_a_run_that_waits_for_a_decision_is_not_ended_by_an_automation() -> None:
    """Only exports, which never wait for a decision, are ended for missing heartbeats alone."""
    dead = content("automations.yaml")["automations"][2]
    tag = dead["trigger"]["match_related"]["prefect.resource.id"]
    assert tag == "prefect.tag.function:export-*"


def test_the_servers_settings_are_accepted_and_known(monkeypatch: MonkeyPatch) -> None:
    """Prefect ignores an unknown name, and does not start with a wrong value."""
    lines = (DEPLOYMENTS / "server.env").read_text(encoding="utf-8").splitlines()
    pairs = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for name, value in pairs.items():
        monkeypatch.setenv(name, value)
    server = Settings().server
    assert server.services.db_vacuum.enabled_vacuum_types >= {"events", "flow_runs"}
    assert server.services.db_vacuum.retention_period.days == 30
    assert server.events.retention_period.days == 1
    assert server.services.late_runs.after_seconds.total_seconds() == 900
    assert server.database.timeout == 30
    known = {name.upper() for name in Settings().to_environment_variables(exclude_unset=True)}
    assert set(pairs) <= known


def test_documents_name_files_that_exist() -> None:
    """A Python file that a document names is in the project, by its whole path or its end."""
    folders = ("flows", "tasks", "blocks", "deployments", "sandbox", "benchmarks", "tests", "docs")
    there = [path.as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py")]
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tests/**/README.md")]
    for page in pages:
        for path in re.findall(r"`([a-z][a-z_/0-9]*\.py)`", page.read_text(encoding="utf-8")):
            assert any(each.endswith(f"/{path}") for each in there), f"{page.name}: {path}"


def test_the_index_of_the_harness_is_complete() -> None:
    """The harness's README lists every module."""
    folder = ROOT / "tests/journeys/harness"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+\.py)`", index, re.M)) == {
        path.name for path in folder.glob("*.py")
    } - {"__init__.py"}


def test_the_changelog_begins_with_the_version_of_the_project() -> None:
    """A release has its section, and every section is one that readers know."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    heads = re.findall(r"^## \[(.+?)\]", text, re.M)
    assert heads[0] == "Unreleased" and heads[1] == project["version"]
    usual = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "For maintainers"}
    assert set(re.findall(r"^### (.+)$", text, re.M)) <= usual
