"""One client in two places: pools, workers and copies of the code, one server and one ledger."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet

from sandbox.file_servers import start_sftp
from sandbox.mailup.server import start as start_mailup
from tests.contract.real_servers.machine import free_ports
from tests.servers.postgresql import Postgres, postgres

ROOT = Path(__file__).resolve().parents[2]
IMAGE = ("flows", "tasks", "blocks", "deployments", "prefect.yaml")
HEADER = "email;nome;cognome;cellulare;data_nascita;citta;consenso"
ANNA = "anna@example.it;Anna;Rossi;3331234567;31/12/1980;Milano;1"
BRUNO = "bruno@example.it;Bruno;Verdi;3337654321;01/02/1975;Roma;1"
AUTH = "operator:api-secret-4711"
SECRETS = ("api-secret-4711", "sftp-secret-4711", "mailup-secret-4711", "ledger-secret-4711")
START_SECONDS, RUN_SECONDS, STOP_SECONDS = 120, 120, 20


@pytest.fixture(scope="module")
def prefect() -> None:
    """These journeys have a server of their own."""


@dataclass
class Site:
    """What both places share: the server's address, and what a client of it needs to know."""

    home: Path
    url: str
    database: str

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a worker or an operator: nothing of the server's own settings."""
        kept = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
        return kept | {
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_API_AUTH_STRING": AUTH,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "MAILUP_EXCHANGE_SCRATCH": str(self.home / "scratch"),
            **more,
        }

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the API with credentials."""
        user, _, password = AUTH.partition(":")
        answer = requests.request(
            method, self.url + path, json=body, auth=(user, password), timeout=30
        )
        answer.raise_for_status()
        return answer.json()

    def operate(self, *arguments: str, stdin: str = "", **more: str) -> None:
        """Run one command of the operator successfully."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=ROOT, env=self.environment(**more),
            input=stdin, text=True, capture_output=True, timeout=START_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def deploy(self, pool: str) -> None:
        """Deploy the demo client's own file; the place is a setting of the operator's."""
        self.operate(
            "prefect", "--no-prompt", "deploy", "--prefect-file", "prefect.yaml", "--all",
            PREFECT_DEFAULT_WORK_POOL_NAME=pool,
        )  # fmt: skip

    def run_import(self) -> dict[str, Any]:
        """Run the import as it is deployed now; how it ended."""
        deployment = self.call("GET", "/deployments/name/import-recipients/demo")
        run = self.call("POST", f"/deployments/{deployment['id']}/create_flow_run", {})
        end = time.monotonic() + RUN_SECONDS
        while run["state_type"] not in ("COMPLETED", "FAILED", "CRASHED"):
            assert time.monotonic() < end, f"the run is still {run['state_name']}"
            time.sleep(0.5)
            run = self.call("GET", f"/flow_runs/{run['id']}")
        return run


@contextmanager
def program(
    log: Path, environment: dict[str, str], cwd: Path, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A module of Python in the background, ended by its process id."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=cwd, env=environment, stdout=output,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def server(home: Path, database: str) -> Iterator[Site]:
    """Prefect's server on PostgreSQL, with authentication and an encryption key."""
    port = free_ports(1)[0]
    site = Site(home, f"http://127.0.0.1:{port}/api", database)
    settings = site.environment(
        PREFECT_SERVER_DATABASE_CONNECTION_URL=database,
        PREFECT_SERVER_API_AUTH_STRING=AUTH,
        PREFECT_SERVER_ENCRYPTION_KEY=Fernet.generate_key().decode(),
    )
    log, command = home / "server.log", ("prefect", "server", "start", "--port", str(port))
    with program(log, settings, home, *command) as process:
        wait_for(lambda: requests.get(f"{site.url}/ready", timeout=5).ok, process, log)
        yield site


def wait_for(ready: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when something answers as it should."""
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            if ready():
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


@contextmanager
def place(site: Site, pool: str, folder: Path) -> Iterator[None]:
    """A work pool with a worker that was started in this folder."""
    log = site.home / f"{pool}.log"
    command = ("prefect", "worker", "start", "--pool", pool, "--type", "process", "--limit", "1")
    with program(log, site.environment(PYTHONUNBUFFERED="1"), folder, *command) as process:
        wait_for(lambda: b"started" in log.read_bytes(), process, log)
        yield


def image(folder: Path) -> Path:
    """The code as the image has it, in a folder that only its worker knows."""
    for name in IMAGE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


def dump(cluster: Postgres, database: str) -> str:
    """Everything that is in a database, as pg_dump writes it."""
    url = database.replace("+asyncpg", "")
    command = [str(cluster.programs / "pg_dump"), "--dbname", url, "--inserts"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def drop(folder: Path, name: str, row: str) -> None:
    (folder / name).write_text(f"{HEADER}\r\n{row}\r\n", encoding="utf-8", newline="")


@pytest.mark.timeout(600)  # nine interpreters start one after the other
def test_a_client_moves_to_another_place_by_configuration_alone(tmp_path: Path) -> None:
    """Same file, same server, same ledger: only the default work pool changes, and nothing doubles.

    Nobody without the auth string is answered, and no secret is readable in the server's database.
    """
    inbox, copy = tmp_path / "files" / "outgoing", tmp_path / "opt"
    inbox.mkdir(parents=True)
    copy.mkdir()
    with ExitStack() as stack:
        cluster = stack.enter_context(postgres(tmp_path))
        site = stack.enter_context(server(tmp_path, cluster(driver="asyncpg")))
        sftp = stack.enter_context(
            start_sftp(tmp_path / "files", username="demo", password="sftp-secret-4711")
        )
        mailup = stack.enter_context(
            start_mailup(
                tmp_path / "mailup", password="mailup-secret-4711",
                calls_per_second=0, import_seconds=0.05,
            )
        )  # fmt: skip
        stack.enter_context(place(site, "north", ROOT))
        stack.enter_context(place(site, "south", image(copy)))
        ledger = {"url": cluster(), "storage": str(tmp_path / "storage")}
        blocks = blocks_of(sftp, mailup, ledger)
        site.operate("deployments.cli", "provision", stdin=json.dumps(blocks))

        assert requests.post(f"{site.url}/flows/filter", json={}, timeout=30).status_code == 401
        drop(inbox, "contacts-1.csv", ANNA)
        site.deploy("north")
        north = site.run_import()
        assert north["state"]["message"] == "contacts-1.csv: 1 of 1 submitted"
        assert north["work_pool_name"] == "north"

        drop(inbox, "contacts-2.csv", ANNA)
        drop(inbox, "contacts-3.csv", BRUNO)
        site.deploy("south")
        south = site.run_import()
        assert "contacts-2.csv: imported before, nothing sent" in south["state"]["message"]
        assert "contacts-3.csv: 1 of 1 submitted" in south["state"]["message"]
        assert south["work_pool_name"] == "south"

        people = requests.get(f"{mailup.base_url}/_sandbox/state?list=1", timeout=30).json()
        assert {"anna@example.it", "bruno@example.it"} <= {person["email"] for person in people}
        content = dump(cluster, site.database)
        assert "sftp-server" in content
        assert "fernet_key" not in content  # the server made no key of its own beside the secrets
        for secret in (*SECRETS, cluster.password, mailup.client_secret):
            assert secret not in content


def blocks_of(sftp: Any, mailup: Any, ledger: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The demo client's blocks, as `mailup-exchange provision` reads them."""
    account = ("client_id", "client_secret", "username", "password", "console_url",
               "statistics_url", "token_url")  # fmt: skip
    return {
        "sftp-server/demo": {
            "host": sftp.host, "port": sftp.port, "username": "demo",
            "password": "sftp-secret-4711", "host_key": sftp.host_key,
        },
        "mailup-account/demo": {name: getattr(mailup, name) for name in account},
        "ledger/default": ledger,
    }  # fmt: skip
