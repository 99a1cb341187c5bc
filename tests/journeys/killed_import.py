"""A client whose import is killed again and again, and all that is to be seen afterwards."""

import re
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from mortal import FORKS
from places import LOGIN, Protocol, file_server
from prefect.blocks.core import Block
from prefect.exceptions import PrefectHTTPStatusError

from blocks.accounts import MailUpAccount
from blocks.ledgers import Ledger
from blocks.servers import FtpsServer, SftpServer
from sandbox.certificates import certificates
from sandbox.file_servers import FileServer
from sandbox.mailup.server import start as start_mailup
from tests.journeys.instants import live
from tests.servers.databases import Database

LONGEST_RUN_SECONDS = 240
NEVER = 0
SAVE_ATTEMPTS = 5
SAVING = threading.Lock()
SOONER_OR_LATER = re.compile(r"\d{8}T\d{6}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""Times in names and contents of what the client gets."""

# A process that has imported what takes long and is forked for each run; polars has started no
# thread of its own before it is first used.
FORKS.set_forkserver_preload(["tests.journeys.instants"])

Facts = Counter[tuple[str, ...]]
HEADER = "email;nome;cellulare;stato\r\n"
GOOD = [f"p{number}@example.it;P{number};33312345{number:02};1" for number in range(32)]
ROWS = [
    *GOOD[:16], "carla@@example.it;C;;1", "p3@example.it;P3 once more;;1", *GOOD[16:],
    "dario;D;;1", "p5@example.it;P5;;0", "off@example.it;O;;0", "refused@example.it;R;;1",
    "p7@example.it;P7 once more;;1",
]  # fmt: skip


@dataclass
class Scene:
    """A client with its server, its MailUp and its ledger, and a file that is due."""

    home: Path
    name: str
    server: str
    api_url: str
    database: Database
    mailup_url: str
    died: list[str] = field(default_factory=list)

    def run(self, *, deadly: int = NEVER, seconds: float | None = None) -> bool:
        """Run the import until its end or its death; whether it came to its end.

        It dies at the instant numbered `deadly`, or after `seconds`.
        """
        self.trace.unlink(missing_ok=True)
        process = FORKS.Process(
            target=live, args=(self.home, self.api_url, self.name, self.server, deadly)
        )
        process.start()
        process.join(LONGEST_RUN_SECONDS if seconds is None else seconds)
        process.kill()
        process.join()
        if process.exitcode == -signal.SIGKILL:
            self.died.append(self.steps()[-1] if self.steps() else "before its first step")
            self._let_leases_expire()
            return False
        assert process.exitcode == 0, (self.home / "runs.log").read_text()[-4000:]
        return True

    @property
    def trace(self) -> Path:
        return self.home / "trace"

    def steps(self) -> list[str]:
        """The instants of the last run, in their order."""
        return self.trace.read_text().splitlines() if self.trace.exists() else []

    def control(self, path: str, body: dict[str, Any]) -> None:
        """Order something behind MailUp's back."""
        requests.post(
            f"{self.mailup_url}/_sandbox/{path}", json=body, timeout=60
        ).raise_for_status()

    def facts(self) -> Facts:
        """Everything that is to be seen at MailUp, on the client's server and in the ledger."""
        return Counter([*self._at_mailup(), *self._at_the_client(), *self._in_the_ledger()])

    def _at_mailup(self) -> Iterator[tuple[str, ...]]:
        with closing(sqlite3.connect(self.home / "mailup" / "mailup.sqlite", timeout=60)) as mailup:
            for kind, query in AT_MAILUP.items():
                for row in mailup.execute(query):
                    yield (kind, *map(str, row))

    def _at_the_client(self) -> Iterator[tuple[str, ...]]:
        files = self.home / "files"
        for path in files.rglob("*"):
            if path.is_file():
                name = SOONER_OR_LATER.sub("TIME", str(path.relative_to(files)))
                yield ("client's file", name, SOONER_OR_LATER.sub("TIME", path.read_text()))

    def _in_the_ledger(self) -> Iterator[tuple[str, ...]]:
        for kind, query in IN_THE_LEDGER.items():
            for row in self.database.rows(query):
                yield (kind, *map(str, row))

    def _let_leases_expire(self) -> None:
        """A dead run's leases hold for a minute, which the tests do not wait for."""
        if self.database.kind == "sqlite" and not self.database.file.exists():
            return
        try:
            self.database.run("UPDATE leases SET expires_at = '2000-01-01 00:00:00.000000'")
        except Exception as error:
            if "leases" not in str(error):  # it died before there were tables
                raise


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
    home: Path, name: str, api_url: str, database: Database, protocol: Protocol
) -> Iterator[Scene]:
    """Servers and blocks of a client called `name`, and its file in the folder."""
    (home / "files" / "in").mkdir(parents=True)
    with (
        file_server(home, protocol) as files,
        start_mailup(home / "mailup", calls_per_second=0, import_seconds=0.05) as mailup,
    ):
        server = _server_block(home, files, protocol)
        _save(server, name)
        _save(MailUpAccount(
            client_id=mailup.client_id, client_secret=mailup.client_secret,
            username=mailup.username, password=mailup.password, import_batch_size=20,
            console_url=mailup.console_url, statistics_url=mailup.statistics_url,
            token_url=mailup.token_url,
        ), name)  # fmt: skip
        _save(Ledger(url=database.url, storage=str(home / "storage")), name)
        content = HEADER + "".join(f"{row}\r\n" for row in ROWS)
        (home / "files" / "in" / "a.csv").write_text(content, encoding="utf-8", newline="")
        slug = f"{server.get_block_type_slug()}/{name}"
        made = Scene(home, name, slug, api_url, database, mailup.base_url)
        made.control("settings", {"refused": ["refused@example.it"]})
        yield made


def _server_block(home: Path, files: FileServer, protocol: Protocol) -> SftpServer | FtpsServer:
    where: dict[str, Any] = {"host": files.host, "port": files.port, **LOGIN}
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
