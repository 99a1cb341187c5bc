"""A client whose import is killed again and again, and all that is to be seen afterwards."""

import json
import re
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from mortal import FORKS, Death, Runner
from places import LOGIN, Protocol, file_server
from prefect.blocks.core import Block
from prefect.exceptions import PrefectHTTPStatusError
from relays import Relay, relay

from blocks.accounts import MailUpAccount
from blocks.ledgers import Ledger
from blocks.servers import FtpsServer, SftpServer
from sandbox.certificates import certificates
from sandbox.file_servers import FileServer
from sandbox.mailup.server import Emulator
from sandbox.mailup.server import start as start_mailup
from tests.servers.databases import Database

LONGEST_RUN_SECONDS = 240
IMPATIENT = 2.0
"""Seconds after which a run gives up waiting for an answer of what is disturbed."""
PORT = re.compile(r"(?<=:)\d+(?=/|$)")
SAVE_ATTEMPTS = 5
SAVING = threading.Lock()
SOONER_OR_LATER = re.compile(r"\d{8}T\d{6}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""Times in names and contents of what the client gets."""

Facts = Counter[tuple[str, ...]]
Ways = dict[str, Relay]
COLUMNS = [
    {"column": "email", "target": "email"},
    {"column": "nome", "target": "field", "field": "nome"},
    {"column": "cellulare", "target": "mobile"},
    {"column": "stato", "target": "status"},
]
HEADER = "email;nome;cellulare;stato\r\n"
GOOD = [f"p{number}@example.it;P{number};33312345{number:02};1" for number in range(32)]
ROWS = [
    *GOOD[:16], "carla@@example.it;C;;1", "p3@example.it;P3 once more;;1", *GOOD[16:],
    "dario;D;;1", "p5@example.it;P5;;0", "off@example.it;O;;0", "refused@example.it;R;;1",
    "p7@example.it;P7 once more;;1",
]  # fmt: skip


@dataclass(frozen=True)
class Ending:
    """How a run ended: whether it completed, its error's name, its message and what it advises."""

    completed: bool
    error: str
    message: str
    what_next: str | None
    seconds: float


NO_END = Ending(False, "no end", "", None, LONGEST_RUN_SECONDS)


@dataclass
class Scene:
    """A client with its server, its MailUp and its ledger, and a file that is due."""

    home: Path
    name: str
    server: str
    api_url: str
    database: Database
    mailup_url: str
    ways: dict[str, Relay]
    died: list[str] = field(default_factory=list)
    shown: set[tuple[str, ...]] = field(default_factory=set)
    """What the client could read when a run died."""

    @property
    def runner(self) -> Runner:
        """Starts the runs of this client."""
        return Runner(self.api_url, self.home)

    def run(self) -> None:
        """Run the import to its end."""
        self.runner.run("import_recipients", self._parameters)

    def die(self, death: Death) -> None:
        """Run the import to its death, unless its end comes first."""
        if where := self.runner.kill("import_recipients", self._parameters, death):
            self.died.append(where)
            self.shown |= set(self.at_the_client())
            self.database.let_leases_expire()

    def disturb(self, instant: str, begin: Callable[[], None]) -> Ending | None:
        """Run the import; at the first instant with this label something begins. How it ended, None
        where it did not come to that instant."""
        ours, theirs = FORKS.Pipe()
        how = {"struck": instant, "bell": theirs}
        process = self.runner.start("import_recipients", self._parameters, **how)
        start, struck = time.monotonic(), False
        theirs.close()
        while process.is_alive() and time.monotonic() < start + LONGEST_RUN_SECONDS:
            if ours.poll(0.05):
                with suppress(EOFError):
                    ours.recv()
                    struck = True
                    begin()
                    ours.send(None)
            process.join(0.02)
        seconds = time.monotonic() - start
        process.kill()
        process.join()
        if not struck:
            return None
        said = self.home / "said"
        return Ending(*json.loads(said.read_text()), seconds) if said.exists() else NO_END

    @property
    def _parameters(self) -> dict[str, Any]:
        agreement = {
            "client": "acme", "server": self.server, "account": self.name, "ledger": self.name,
            "list_id": 1, "group": "Nuovi clienti", "create_groups": True,
            "source": {"folder": "in", "settle_seconds": 0}, "dialect": {"separator": ";"},
            "mapping": {"columns": COLUMNS},
        }  # fmt: skip
        return {"agreement": agreement}

    def steps(self) -> list[str]:
        """The instants of the last run, in their order."""
        return self.runner.steps()

    def control(self, path: str, body: dict[str, Any]) -> None:
        """Order something behind MailUp's back."""
        requests.post(
            f"{self.mailup_url}/_sandbox/{path}", json=body, timeout=60
        ).raise_for_status()

    def clear_faults(self) -> None:
        """Let MailUp answer as ever."""
        url = f"{self.mailup_url}/_sandbox/faults"
        requests.delete(url, timeout=60).raise_for_status()

    def facts(self) -> Facts:
        """Everything that is to be seen at MailUp, on the client's server and in the ledger."""
        return Counter(
            [*self._at_mailup(), *self.at_the_client(hidden=True), *self._in_the_ledger()]
        )

    def _at_mailup(self) -> Iterator[tuple[str, ...]]:
        with closing(sqlite3.connect(self.home / "mailup" / "mailup.sqlite", timeout=60)) as mailup:
            for kind, query in AT_MAILUP.items():
                for row in mailup.execute(query):
                    yield (kind, *map(str, row))

    def at_the_client(self, *, hidden: bool = False) -> Iterator[tuple[str, ...]]:
        """Name and content of each file on the client's server; of hidden ones on request."""
        files = self.home / "files"
        for path in files.rglob("*"):
            if path.is_file() and (hidden or not path.name.startswith(".")):
                name = SOONER_OR_LATER.sub("TIME", str(path.relative_to(files)))
                yield ("client's file", name, SOONER_OR_LATER.sub("TIME", path.read_text()))

    def _in_the_ledger(self) -> Iterator[tuple[str, ...]]:
        for kind, query in IN_THE_LEDGER.items():
            for row in self.database.rows(query):
                yield (kind, *map(str, row))


AT_MAILUP = {
    "person": """
        SELECT r.email, r.prefix, r.number, r.name, r.fields, s.list_id, s.channel, s.status,
            s.optout_type, (
                SELECT group_concat(m.group_id) FROM membership m WHERE m.recipient_id = r.id
            ) FROM recipient r JOIN subscription s ON s.recipient_id = r.id
    """,
    "group": "SELECT list_id, name FROM grp",
    "import": "SELECT id, list_id, group_id, channel, flags, status, counters FROM import",
}
IN_THE_LEDGER = {
    "file": "SELECT name, size, sha256, state, reason, attempt, counts, waiting_run FROM files",
    "batch": """
        SELECT number, attempt, target, rows, sha256, state, import_id, counters FROM batches
    """,
    "step": "SELECT DISTINCT step FROM journal WHERE step NOT IN ('file_put_away')",
    "batch's step": "SELECT step FROM journal WHERE step LIKE 'batch_%'",
}


@contextmanager
def scene(
    home: Path, name: str, api_url: str, database: Database, protocol: Protocol,
    *, disturbed: bool = False,
) -> Iterator[Scene]:  # fmt: skip
    """Servers and blocks of a client called `name`, and its file in the folder.

    Where it is to be disturbed, relays lead to its servers, and its blocks have little patience.
    """
    (home / "files" / "in").mkdir(parents=True)
    content = HEADER + "".join(f"{row}\r\n" for row in ROWS)
    (home / "files" / "in" / "a.csv").write_text(content, encoding="utf-8", newline="")
    with (
        file_server(home, protocol) as files,
        start_mailup(home / "mailup", calls_per_second=0, import_seconds=0.05) as mailup,
        _ways(files, mailup, database if disturbed else None) as ways,
    ):
        server = _server_block(home, files, protocol, ways)
        _save(server, name)
        _save(_account_block(mailup, ways), name)
        url = _led(database.url, ways.get("ledger"))
        _save(Ledger(url=url, storage=str(home / "storage")), name)
        slug = f"{server.get_block_type_slug()}/{name}"
        made = Scene(home, name, slug, api_url, database, mailup.base_url, ways)
        made.control("settings", {"refused": ["refused@example.it"]})
        yield made


@contextmanager
def _ways(files: FileServer, mailup: Emulator, database: Database | None) -> Iterator[Ways]:
    """Relays to what can be away, by what they lead to; none without a database."""
    with ExitStack() as stack:
        ways: Ways = {}
        if database:
            ways["file server"] = stack.enter_context(relay(files.port))
            ways["MailUp"] = stack.enter_context(relay(_port(mailup.base_url)))
            if database.kind == "postgresql":
                ways["ledger"] = stack.enter_context(relay(_port(database.url)))
        yield ways


def _port(url: str) -> int:
    return int(PORT.findall(url)[0])


def _led(url: str, way: Relay | None) -> str:
    """The same URL, by a relay where there is one."""
    return PORT.sub(str(way.port), url, count=1) if way else url


def _account_block(mailup: Emulator, ways: Ways) -> MailUpAccount:
    waits: dict[str, Any] = {}
    if ways:
        waits = dict.fromkeys(("connect_timeout_seconds", "read_timeout_seconds"), IMPATIENT)
        waits["import_timeout_seconds"] = IMPATIENT
    way = ways.get("MailUp")
    return MailUpAccount(
        client_id=mailup.client_id, client_secret=mailup.client_secret, username=mailup.username,
        password=mailup.password, import_batch_size=20, console_url=_led(mailup.console_url, way),
        statistics_url=_led(mailup.statistics_url, way), token_url=_led(mailup.token_url, way),
        **waits,
    )  # fmt: skip


def _server_block(
    home: Path, files: FileServer, protocol: Protocol, ways: Ways
) -> SftpServer | FtpsServer:
    where: dict[str, Any] = {"host": files.host, "port": files.port, **LOGIN}
    if ways:
        where["port"] = ways["file server"].port
        where |= dict.fromkeys(("connect_timeout_seconds", "read_timeout_seconds"), IMPATIENT)
    if protocol == "sftp":
        return SftpServer(host_key=files.host_key, **where)
    authority = certificates(home / "tls").authority.read_text(encoding="ascii")
    return FtpsServer(ca_certificate=authority, **where)


def _save(block: Block, name: str) -> None:
    """Save a block. Prefect's server answers 503 where two clients register a block type at once,
    or its database is locked for long."""
    for attempt in range(1, SAVE_ATTEMPTS + 1):
        try:
            with SAVING:
                block.save(name, overwrite=True)
            return
        except PrefectHTTPStatusError as error:
            if error.response.status_code != 503 or attempt == SAVE_ATTEMPTS:
                raise
        time.sleep(attempt)
