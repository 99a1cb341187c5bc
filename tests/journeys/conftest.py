"""Whole flows: a real Prefect server, the sandbox's MailUp and file servers, and nothing mocked."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from prefect.client.schemas.objects import State
from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_SERVER_DATABASE_TIMEOUT,
    temporary_settings,
)
from prefect.testing.utilities import prefect_test_harness

from blocks.accounts import MailUpAccount
from blocks.ledgers import Ledger
from blocks.sftp_servers import SftpServer
from flows.import_recipients import import_recipients
from sandbox.file_servers import start_sftp
from sandbox.mailup.server import Emulator
from sandbox.mailup.server import start as start_mailup
from tests.grounds import EVERYBODY, with_basis
from tests.journeys.harness.scenarios import Stage
from tests.servers.databases import KINDS, Database
from tests.servers.postgresql import postgres

COLUMNS = [
    {"column": "email", "target": "email"},
    {"column": "nome", "target": "field", "field": "nome"},
    {"column": "cellulare", "target": "mobile"},
]
HEADER = "email;nome;cellulare\r\n"

# All instants take minutes; without `make kills` test_exports_truth.py covers some of them, and
# tests/core/imports/test_standstill.py some standstills.
ONLY_ALL = ["test_export_kills.py", "test_import_stops.py"]
collect_ignore = [] if os.environ.get("KILLS") == "all" else ONLY_ALL


@pytest.fixture(scope="session", autouse=True)
def prefect() -> Iterator[None]:
    """A Prefect server for all journeys, whose SQLite waits for many runs at once; runs do not
    wait for their last heartbeat."""
    with (
        temporary_settings({PREFECT_SERVER_DATABASE_TIMEOUT: 60}),
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


@dataclass
class World:
    """One client with its server, its MailUp account and its ledger, all new."""

    home: Path
    mailup: Emulator
    agreement: dict[str, Any] = field(default_factory=dict)

    @property
    def inbox(self) -> Path:
        return self.home / "files" / "in"

    def drop(self, name: str, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
        """Put a file with these rows on the client's server."""
        path = self.inbox / name
        path.write_bytes((header + "".join(f"{row}\r\n" for row in rows)).encode(encoding))
        return path

    def run(self, *, agreed: dict[str, Any] | None = None, **parameters: Any) -> State[Any]:
        """Run the import as the deployment would; the state it ends in."""
        agreement = with_basis(merged(self.agreement, agreed or {}))
        return import_recipients(agreement=agreement, **parameters, return_state=True)

    def result(self, name: str) -> dict[str, Any]:
        """The result document that the client got for a file."""
        path = self.inbox / "results" / f"{name}.result.json"
        return json.loads(path.read_text(encoding="utf-8"))

    def rejects(self, name: str, encoding: str = "utf-8") -> list[str]:
        """Lines of the reject file that the client got."""
        path = self.inbox / "results" / f"{name}.rejects.csv"
        return path.read_text(encoding=encoding).splitlines()

    def people(self, list_id: int = 1) -> dict[str, dict[str, Any]]:
        """Everybody in a list of MailUp, by e-mail address."""
        found = self.control("GET", f"state?list={list_id}")
        return {person["email"]: person for person in found}

    def posts(self) -> list[dict[str, Any]]:
        """Imports that reached MailUp, as its log shows them."""
        calls = self.control("GET", "log")
        return [c for c in calls if c["method"] == "POST" and c["path"].endswith("/Recipients")]

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the emulator's control API."""
        url = f"{self.mailup.base_url}/_sandbox/{path}"
        answer = requests.request(method, url, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`base` updated by `change`: objects are merged, other values replaced."""
    result = dict(base)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = merged(base[key], value) if both else value
    return result


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A client with an SFTP server, ready for files in `inbox`."""
    files = tmp_path / "files"
    (files / "in").mkdir(parents=True)
    with (
        start_sftp(files, username="acme", password="files-secret") as sftp,
        start_mailup(tmp_path / "mailup", calls_per_second=0, import_seconds=0.05) as mailup,
    ):
        SftpServer(
            host=sftp.host, port=sftp.port, username="acme", password="files-secret",
            host_key=sftp.host_key,
        ).save("acme", overwrite=True)  # fmt: skip
        account = MailUpAccount(
            client_id=mailup.client_id, client_secret=mailup.client_secret,
            username=mailup.username, password=mailup.password, calls_per_second=1000,
            console_url=mailup.console_url, statistics_url=mailup.statistics_url,
            token_url=mailup.token_url,
        )  # fmt: skip
        account.save("acme", overwrite=True)
        url, storage = f"sqlite:///{tmp_path}/ledger.db", str(tmp_path / "storage")
        Ledger(url=url, storage=storage).save("acme", overwrite=True)
        yield World(tmp_path, mailup, _agreement())


def _agreement() -> dict[str, Any]:
    return {
        "client": "acme",
        "server": "sftp-server/acme",
        "account": "acme",
        "ledger": "acme",
        "list_id": 1,
        "source": {"folder": "in", "settle_seconds": 0},
        "dialect": {"separator": ";"},
        "mapping": {"columns": COLUMNS},
        "consent": {"basis": EVERYBODY},
    }


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Everything that was logged so far, at any level."""
    caplog.set_level("DEBUG")
    return lambda: caplog.text


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Database]]:
    """New databases, by kind and name."""
    folder = tmp_path_factory.mktemp("databases")
    with postgres(folder) as server:

        def new(kind: str, name: str) -> Database:
            url = server() if kind == "postgresql" else f"sqlite:///{folder}/{name}.db"
            return Database(kind, url)

        yield new


@pytest.fixture(params=KINDS)
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, databases: Callable[[str, str], Database]
) -> Stage:
    """Scenarios of clients with ledgers in one kind of database."""
    return Stage(request.param, tmp_path, databases)
