"""A MailUp and a client's file server in a process of their own, to run many in parallel."""

import io
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import polars as pl
import requests
from prefect.blocks.core import Block
from prefect.exceptions import PrefectHTTPStatusError

from blocks.accounts import MailUpAccount
from blocks.ftp_servers import FtpServer, FtpsServer
from blocks.ledgers import Ledger
from blocks.sftp_servers import SftpServer
from sandbox.certificates import certificates
from sandbox.file_servers import FileServer, start_ftp, start_ftps, start_sftp
from sandbox.mailup.server import start as start_mailup
from tests.contract.real_servers.machine import free_ports
from tests.journeys.harness.fault_proxy import FAR, Relay, new_host, relay
from tests.journeys.harness.run_process import FORKS
from tests.servers.databases import Database

Protocol = Literal["sftp", "ftp", "ftps"]
LOGIN = {"username": "acme", "password": "files-secret"}
START_SECONDS = 120
PASSIVE_PORTS = 8
IMPATIENT = 2.0
"""Seconds after which a run's wait for an answer times out."""
SAVE_ATTEMPTS = 5
SAVING = threading.Lock()


@dataclass(frozen=True)
class Place:
    """One client's MailUp, file server and ledger.

    If it is to be disturbed, `ways` are the relays to them, by part.
    """

    home: Path
    name: str
    protocol: Protocol
    database: Database
    mailup: dict[str, str]
    host: str
    port: int
    host_key: str
    ways: Mapping[str, Relay]

    @property
    def server(self) -> str:
        """The block of its file server, as an agreement names it."""
        return f"{self.protocol}-server/{self.name}"

    @property
    def out(self) -> Path:
        """The folder of the exports."""
        return self.home / "files" / "out"

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the emulator's control API."""
        url = f"{self.mailup['base_url']}/_sandbox/{path}"
        answer = (
            requests.get(url, timeout=300)
            if body is None
            else requests.post(url, json=body, timeout=300)
        )
        answer.raise_for_status()
        return answer.json()

    def clear_faults(self) -> None:
        """Reset MailUp's faults."""
        url = f"{self.mailup['base_url']}/_sandbox/faults"
        requests.delete(url, timeout=60).raise_for_status()

    def log(self) -> pl.DataFrame:
        """MailUp's own event log, past and future."""
        url = f"{self.mailup['base_url']}/_sandbox/events?format=parquet&future=true"
        answer = requests.get(url, timeout=300)
        answer.raise_for_status()
        return pl.read_parquet(io.BytesIO(answer.content))

    def save_blocks(self) -> None:
        """Create the blocks that an agreement of this client names, with short time-outs where
        it will be disturbed."""
        waits = dict.fromkeys(("connect_timeout_seconds", "read_timeout_seconds"), IMPATIENT)
        waits = waits if self.ways else {}
        _save(self._server_block(waits), self.name)
        urls = {name: self._by_way(self.mailup[name]) for name in self.mailup if name != "base_url"}
        # Pages that time out are halved, one time-out after the other.
        asked = {**waits, "import_timeout_seconds": IMPATIENT} if waits else {"page_size": 5000}
        _save(MailUpAccount(import_batch_size=20, **urls, **asked), self.name)
        storage = str(self.home / "storage")
        _save(Ledger(url=self._by_way(self.database.url), storage=storage), self.name)

    def _server_block(self, waits: dict[str, float]) -> SftpServer | FtpServer | FtpsServer:
        where: dict[str, Any] = {"host": self.host, "port": self.port, **LOGIN, **waits}
        if self.protocol == "sftp":
            return SftpServer(host_key=self.host_key, **where)
        if self.protocol == "ftp":
            return FtpServer(**where)
        authority = certificates(self.home / "tls").authority.read_text(encoding="ascii")
        return FtpsServer(ca_certificate=authority, **where)

    def _by_way(self, address: str) -> str:
        """The address of the relay, if there is one, else the same address."""
        return address.replace(FAR, self.host)


@contextmanager
def place(
    home: Path, name: str, protocol: Protocol, database: Database, *, disturbed: bool = False
) -> Iterator[Place]:
    """Start one client's servers, with the MailUp whose state is in `home`, or a new one."""
    (home / "files").mkdir(parents=True, exist_ok=True)
    passive = tuple(free_ports(PASSIVE_PORTS)) if disturbed and protocol != "sftp" else ()
    host = new_host() if disturbed else FAR
    ours, theirs = FORKS.Pipe()
    process = FORKS.Process(target=_serve, args=(home, protocol, host, passive, theirs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(START_SECONDS):
            raise TimeoutError(f"the servers of {name} did not start")
        mailup, port, host_key = ours.recv()
        led_to: dict[str, Sequence[int]] = {
            "file server": (port, *passive),
            "MailUp": [_port(mailup["base_url"])],
        }
        if database.kind == "postgresql":
            led_to["ledger"] = [_port(database.url)]
        with _ways(host, led_to if disturbed else {}) as ways:
            yield Place(home, name, protocol, database, mailup, host, port, host_key, ways)
    finally:
        ours.close()
        process.join(START_SECONDS)
        process.close()


@contextmanager
def _ways(host: str, led_to: Mapping[str, Sequence[int]]) -> Iterator[dict[str, Relay]]:
    """Relays at an address to the ports that can fail."""
    with ExitStack() as stack:
        yield {part: stack.enter_context(relay(host, *ports)) for part, ports in led_to.items()}


def _port(url: str) -> int:
    return urlsplit(url).port or 0


def _serve(
    home: Path, protocol: Protocol, host: str, passive: Sequence[int], pipe: Connection
) -> None:
    """Serve until the other end of the pipe is closed."""
    with (
        start_mailup(home / "mailup", calls_per_second=0, import_seconds=0.05) as mailup,
        _file_server(home, protocol, host, passive) as files,
    ):
        names = (
            "base_url", "console_url", "statistics_url", "token_url", "client_id", "client_secret",
            "username", "password",
        )  # fmt: skip
        pipe.send(({name: getattr(mailup, name) for name in names}, files.port, files.host_key))
        pipe.poll(None)


def _file_server(
    home: Path, protocol: Protocol, host: str, passive: Sequence[int]
) -> AbstractContextManager[FileServer]:
    """A client's file server; with FTPS its CA certificate is in the folder `tls`."""
    files = home / "files"
    if protocol == "sftp":
        return start_sftp(files, **LOGIN)
    if protocol == "ftp":
        return start_ftp(files, **LOGIN, passive_ports=passive)
    tls = certificates(home / "tls", *({host} - {FAR}))
    return start_ftps(
        files, **LOGIN, passive_ports=passive,
        certificate=tls.certificate, private_key=tls.private_key,
    )  # fmt: skip


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
