"""One client for one journey: an emulated MailUp of its own, a folder on a server, a ledger."""

import csv
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr

from blocks.accounts import MailUpAccount
from blocks.ftp_servers import FtpServer
from blocks.ledgers import Ledger
from sandbox.file_servers import FileServer
from sandbox.mailup.caller import Caller
from sandbox.mailup.server import Emulator
from sandbox.mailup.server import start as start_mailup
from tests.grounds import with_basis
from tests.variants.engine import run

Settings = dict[str, Any]
HEADER = "email;nome;cellulare"
COLUMNS = (
    {"column": "email", "target": "email"},
    {"column": "nome", "target": "field", "field": "nome"},
    {"column": "cellulare", "target": "mobile"},
)
EXPORTED = ("email-statistics", "cumulative")
NAME = "1"
"""The dynamic field with the first name."""


@dataclass(frozen=True)
class Person:
    """Somebody in a list, as MailUp's own tables hold it."""

    status: str
    email: str
    number: str
    name: str
    groups: frozenset[int]


@dataclass
class World:
    """The client's files, the emulator's control API, and the runs of its deployments."""

    home: Path
    folder: str
    root: Path
    mailup: Emulator
    account: MailUpAccount
    said: list[str] = field(default_factory=list)
    logins: list[int] = field(default_factory=list)

    @property
    def inbox(self) -> Path:
        """Where the client's files arrive."""
        return self.root / self.folder / "in"

    def drop(self, name: str, *rows: str, header: str = HEADER) -> None:
        """Put a file with these rows on the client's server."""
        self.inbox.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{row}\r\n" for row in (header, *rows))
        (self.inbox / name).write_bytes(lines.encode())

    def importing(self, **agreed: Any) -> dict[str, Any]:
        """The agreement of an import, with changes."""
        base: dict[str, Any] = {
            "client": "acme", "server": "ftp-server/acme", "account": "acme", "ledger": "acme",
            "list_id": 1, "source": {"folder": f"{self.folder}/in", "settle_seconds": 0},
            "dialect": {"separator": ";"}, "mapping": {"columns": [*COLUMNS]},
        }  # fmt: skip
        return with_basis(base | agreed)

    def exporting(self, kind: str) -> dict[str, Any]:
        """The agreement of an export of all lists."""
        days = {"message_days": 4000} if kind in EXPORTED else {}
        return {
            "client": "acme", "server": "ftp-server/acme", "account": "acme", "ledger": "acme",
            "lists": [1, 2, 3], "folder": f"{self.folder}/out", **days,
        }  # fmt: skip

    def run(self, flow: str, **parameters: Any) -> Any:
        """Run a flow; its state."""
        before = self.count_logins()
        state = run(flow, parameters)
        self.logins.append(self.count_logins() - before)
        return self.note(state)

    def note(self, state: Any) -> Any:
        """Remember how a run ended."""
        self.said.append(state.message)
        return state

    def count_logins(self) -> int:
        """Calls of the token address so far."""
        url = f"{self.mailup.base_url}/_sandbox/log"
        calls = requests.get(url, timeout=30).json()
        return sum(call["path"].endswith("/Token") for call in calls)

    def log_in_with(self, **changed: Any) -> None:
        """Change fields of the account's block."""
        self.account.model_copy(update=_secret(changed)).save("acme")

    def add_list(self, number: int, name: str) -> None:
        """An empty list of the account."""
        with closing(sqlite3.connect(self.mailup.home / "mailup.sqlite")) as store, store:
            columns = "id, guid, name, description, company, default_prefix"
            store.execute(
                f"INSERT INTO list ({columns}) VALUES (?, '', ?, '', '', '0039')",  # noqa: S608
                (number, name),
            )

    def set(self, **settings: Any) -> None:
        """Set variants of MailUp."""
        self.mailup.settings.change(settings)

    def order(self, what: str, body: Mapping[str, Any]) -> None:
        """Call the emulator's control API."""
        url = f"{self.mailup.base_url}/_sandbox/{what}"
        requests.post(url, json=body, timeout=30).raise_for_status()

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What MailUp's own tables hold."""
        with closing(sqlite3.connect(self.mailup.home / "mailup.sqlite")) as store:
            return store.execute(sql, values).fetchall()

    def people(self, list_id: int, channel: str = "email") -> dict[str, Person]:
        """Everybody in a list by address, or by number on the SMS channel."""
        members: dict[int, set[int]] = {}
        for group, who in self.rows("SELECT group_id, recipient_id FROM membership"):
            members.setdefault(who, set()).add(group)
        found = self.rows(
            "SELECT r.id, b.status, r.email, r.number, r.fields FROM subscription b "
            "JOIN recipient r ON r.id = b.recipient_id WHERE list_id = ? AND channel = ?",
            list_id, channel,
        )  # fmt: skip
        people = [
            Person(status, email or "", number or "", json.loads(fields).get(NAME, ""),
                   frozenset(members.get(who, ())))
            for who, status, email, number, fields in found
        ]  # fmt: skip
        return {(each.number if channel == "sms" else each.email.lower()): each for each in people}

    def delivered(self) -> dict[str, list[dict[str, str]]]:
        """Rows of every file that was exported, by name."""
        files = sorted((self.root / self.folder / "out").glob("*.csv"))
        return {path.name: _rows_of(path) for path in files}

    def result(self, name: str) -> dict[str, Any]:
        """The result that the client got for a file; empty where there is none."""
        path = self.inbox / "results" / f"{name}.result.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def listed(self, name: str) -> list[str]:
        """Lines of the rejects that the client got for a file."""
        path = self.inbox / "results" / f"{name}.rejects.csv"
        return path.read_text().splitlines()[1:] if path.exists() else []

    def reasons_of(self, name: str) -> dict[int, str]:
        """The reason of each line of a file that the rejects and skipped files list."""
        results = self.inbox / "results"
        rejects = _rows_of(results / f"{name}.rejects.csv")
        skipped = _rows_of(results / f"{name}.skipped.csv")
        return {int(row["reject_line"]): row["reject_reason"] for row in rejects} | {
            int(row["line"]): row["reason"] for row in skipped
        }


def _rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; none where there is no such file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter=";"))


@contextmanager
def world(home: Path, server: FileServer, root: Path, **known: Any) -> Iterator[World]:
    """A client of its own below `root`, which `server` serves; `known` are fields of its account.

    Somebody else has imported into the account before, so that its history is not empty.
    """
    mailup = start_mailup(home / "mailup", calls_per_second=0, import_seconds=0)
    try:
        FtpServer(host=server.host, port=server.port, username="acme", password="x").save("acme")
        caller = Caller(mailup)
        account = _account(mailup, {"refresh_token": caller.tokens["refresh_token"]} | known)
        account.save("acme")
        Ledger(url=f"sqlite:///{home}/ledger.db", storage=str(home / "storage")).save("acme")
        caller.import_all("/Console/List/2/Recipients", [{"Email": "other@example.it"}])
        yield World(home, home.name, root, mailup, account)
    finally:
        # Its threads need a moment to end, which nobody has to wait for.
        threading.Thread(target=mailup.stop).start()


def _secret(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: SecretStr(value) if value else None for name, value in fields.items()}


def _account(mailup: Emulator, known: Mapping[str, Any]) -> MailUpAccount:
    names = ("client_id", "client_secret", "username", "password", "console_url",
             "statistics_url", "token_url")  # fmt: skip
    of_mailup = {name: getattr(mailup, name) for name in names}
    small = {
        "page_size": 100,
        "import_batch_size": 4,
        "calls_per_second": 10_000,
        "import_timeout_seconds": 10,
    }
    return MailUpAccount(**(of_mailup | small | dict(known)))
