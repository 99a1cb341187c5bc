"""A client is set up and removed: blocks, a file from a sample, removal."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
import yaml
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL
from prefect.states import Suspended

from blocks.errors import ConfigurationError
from blocks.loading import load
from blocks.sftp_servers import SftpServer
from deployments.deploy import start_deployments
from deployments.remove import delete, surplus
from flows.import_recipients import import_recipients
from sandbox.file_servers import start_sftp
from tasks.records.agreement import ImportAgreement
from tests.command import invoke
from tests.journeys.conftest import World
from tests.journeys.harness.terminals import ROOT, Terminal

SAMPLE = ROOT / "tests" / "cases" / "samples" / "italian.csv"
PASSWORD = "to-be-seen-nowhere"
KEY = "-----BEGIN NONSENSE-----\nc2VjcmV0\n-----END NONSENSE-----"
PROVISION = (sys.executable, "-m", "deployments.cli", "provision")


def surroundings() -> dict[str, str]:
    """What a program of its own needs to find this session's Prefect server."""
    return {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "DO_NOT_TRACK": "1"}


def prefect(*arguments: str) -> None:
    """Run Prefect's command line to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        cwd=ROOT, env={**os.environ, **surroundings()},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_block_is_asked_for_and_no_secret_is_shown(tmp_path: Path) -> None:
    """Password and key are not shown; each field is checked as it is typed, a host key counts only
    after a yes; what does not work is said before it is saved, and answers are kept."""
    with start_sftp(tmp_path, username="acme", password=PASSWORD) as sftp:
        with Terminal(*PROVISION, "sftp-server/asked", environment=surroundings()) as terminal:
            terminal.answer("host [", sftp.host)
            terminal.answer("port [", "99999")
            terminal.answer("not accepted", str(sftp.port))
            terminal.answer("username [", "acme")
            terminal.answer("password [", "wrong-one")
            terminal.answer("private_key: ", KEY)
            terminal.answer("passphrase [", "")
            terminal.answer("[y/N]: ", "n")
            terminal.answer("host_key [none]", "yes")
            terminal.answer("no host key", sftp.host_key)
            terminal.answer("Change any of them? [y/N]: ", "")
            terminal.answer("Save it all the same? [y/N]: ", "n")
            terminal.answer("Once more", "")
            for name in ("port [", "username ["):
                terminal.answer(name, "")
            terminal.answer("password [kept as it is]", PASSWORD)
            terminal.answer("alone keeps what is there", "-\n")
            terminal.answer("host_key [ssh-ed25519", "")
            terminal.answer("Change any of them? [y/N]: ", "")
            assert terminal.end() == 0, terminal.shown
        assert "saved sftp-server/asked" in terminal.shown
        assert PASSWORD not in terminal.shown
        assert "c2VjcmV0" not in terminal.shown
        with load(SftpServer, "asked").connect() as transport:
            assert list(transport.list(".")) == []


def test_without_a_terminal_nothing_is_asked() -> None:
    """Secrets are not asked for in a pipe."""
    done = subprocess.run(
        [*PROVISION, "sftp-server/acme"], cwd=ROOT, stdin=subprocess.DEVNULL,
        env={**os.environ, **surroundings()},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "standard input has to be a terminal" in done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for the client's file."""
    path = tmp_path / "deployments"
    path.mkdir()
    return path


def onboarded(folder: Path) -> Path:
    """The file of client acme, from the sample, deployed."""
    said = ["--consent", "email=column:Iscritto", "--status", "S=subscribed",
            "--status", "N=unsubscribed", "--consent", "sms=all:2026-01-31:Anna Rossi"]  # fmt: skip
    where = ["--list", "1", "--folder", "in", "--encoding", "cp1252"]
    made = invoke("onboard", "acme", str(SAMPLE), "--into", str(folder), *where, *said)
    assert made.exit_code == 0, made.stderr
    prefect("work-pool", "create", "mailup", "--type", "process", "--overwrite", "--set-as-default")
    path = folder / "acme.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    parameters = content["deployments"][1]["parameters"]
    parameters["agreement"]["ledger"] = "acme"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    first = invoke("deploy", str(path))
    assert first.exit_code == 0, first.stderr
    assert "mailup-exchange deploy" in first.stdout
    return path


def deployed() -> dict[str, Any]:
    """Deployments of client acme in Prefect, by entrypoint's last name."""
    url = f"{PREFECT_API_URL.value()}/deployments/filter"
    wanted = {"deployments": {"name": {"any_": ["acme"]}}}
    found = requests.post(url, json=wanted, timeout=30).json()
    return {each["entrypoint"].rpartition(".")[2]: each for each in found}


def test_what_was_proposed_is_what_runs_and_what_leaves_the_file_can_be_removed(
    world: World, folder: Path
) -> None:
    """The import counts what the rehearsal counted; what is new begins paused, an import until one
    of its runs has completed; a later deploy keeps what the server has; `remove` deletes what has
    left the file."""
    path = onboarded(folder)
    assert all(each["paused"] for each in deployed().values())
    started, untried = start_deployments(path)
    assert (len(started), untried) == (3, ["import-recipients/acme"])
    assert deployed()["import_recipients"]["paused"]
    assert start_deployments(path, untried=True) == (["import-recipients/acme"], [])
    parameters = deployed()["import_recipients"]["parameters"]["agreement"]
    agreed = ImportAgreement.model_validate(parameters)
    (world.inbox / SAMPLE.name).write_bytes(SAMPLE.read_bytes())
    state = import_recipients(agreement=agreed, return_state=True)
    assert state.is_completed()
    counts = world.result(SAMPLE.name)["counts"]
    assert (counts["records"], counts["submitted"], counts["rejected"]) == (40, 38, 2)
    known = json.loads(invoke("status", "acme", "--json").stdout)["functions"]
    files = {each["function"]: (each["state"], each["last_file"]) for each in known}
    assert files["import-recipients"] == ("ok", SAMPLE.name)
    assert files["export-unsubscribed"] == ("ok", "")

    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["deployments"] = content["deployments"][:2]
    content["deployments"][1]["schedules"][0]["slug"] = "acme-import-nightly"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    checks = deployed()["check_connections"]
    with get_client(sync_client=True) as api:
        api.pause_deployment(UUID(deployed()["import_recipients"]["id"]))
        daily = UUID(checks["schedules"][0]["id"])
        api.update_deployment_schedule(UUID(checks["id"]), daily, active=False)
    assert invoke("deploy", str(path)).exit_code == 0
    assert deployed()["import_recipients"]["paused"]
    assert not deployed()["check_connections"]["paused"]
    assert not deployed()["check_connections"]["schedules"][0]["active"]
    api_url, export = PREFECT_API_URL.value(), deployed()["export_unsubscribed"]["id"]
    scheduled = requests.post(f"{api_url}/deployments/{export}/schedule", json={}, timeout=30)
    scheduled.raise_for_status()
    with get_client(sync_client=True) as api:
        waiting_run = api.create_flow_run_from_deployment(UUID(export), state=Suspended())
        found = surplus("acme", api, [path], blocks=False)
        assert {each.shown for each in found} == {
            f"run {waiting_run.name} (Suspended), which is cancelled",
            "schedule acme-import-daily of import-recipients/acme",
            "deployment export-unsubscribed/acme",
            "deployment export-email-statistics/acme",
        }
        delete(found, api)
        assert api.read_flow_run(waiting_run.id).state_name == "Cancelled"
        assert surplus("acme", api, [path], blocks=False) == []
        planned = {"deployment_id": {"any_": [export]}, "state": {"type": {"any_": ["SCHEDULED"]}}}
        waiting = {"flow_runs": planned}
        answer = requests.post(f"{api_url}/flow_runs/count", json=waiting, timeout=30)
        assert answer.json() == 0
        gone = surplus("acme", api, [], blocks=True)
        assert {"block sftp-server/acme", "block mailup-account/acme"} <= {e.shown for e in gone}
        assert not any("ledger" in each.shown for each in gone)
        delete(gone, api)
        assert deployed() == {}
        with pytest.raises(ConfigurationError, match="Neither Prefect nor a file knows"):
            surplus("acme", api, [], blocks=False)
