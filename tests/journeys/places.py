"""A MailUp and a client's file server in a process of their own, so that many can be at work."""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import polars as pl
import requests
from mortal import FORKS

from blocks.accounts import MailUpAccount
from blocks.ledgers import Ledger
from blocks.servers import FtpServer, FtpsServer, SftpServer
from sandbox.certificates import certificates
from sandbox.file_servers import FileServer, start_ftp, start_ftps, start_sftp
from sandbox.mailup.server import start as start_mailup
from tests.servers.databases import Database

Protocol = Literal["sftp", "ftp", "ftps"]
LOGIN = {"username": "acme", "password": "files-secret"}
START_SECONDS = 120


@dataclass(frozen=True)
class Place:
    """One client's world: its MailUp, its file server, its folder of exports, its ledger."""

    home: Path
    name: str
    protocol: Protocol
    database: Database
    mailup: dict[str, str]
    port: int
    host_key: str

    @property
    def out(self) -> Path:
        """Where the exports arrive."""
        return self.home / "files" / "out"

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask or order something behind MailUp's back."""
        url = f"{self.mailup['base_url']}/_sandbox/{path}"
        answer = (
            requests.post(url, json=body, timeout=300) if body else requests.get(url, timeout=300)
        )
        answer.raise_for_status()
        return answer.json()

    def log(self) -> pl.DataFrame:
        """MailUp's own event log, past and future."""
        url = f"{self.mailup['base_url']}/_sandbox/events?format=parquet&future=true"
        answer = requests.get(url, timeout=300)
        answer.raise_for_status()
        return pl.read_parquet(io.BytesIO(answer.content))

    def save_blocks(self) -> None:
        """Make the blocks that an agreement of this client names."""
        where: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, **LOGIN}
        if self.protocol == "sftp":
            SftpServer(host_key=self.host_key, **where).save(self.name)
        elif self.protocol == "ftp":
            FtpServer(**where).save(self.name)
        else:
            authority = certificates(self.home / "tls").authority.read_text(encoding="ascii")
            FtpsServer(ca_certificate=authority, **where).save(self.name)
        urls = {name: self.mailup[name] for name in self.mailup if name != "base_url"}
        MailUpAccount(calls_per_second=5, page_size=5000, **urls).save(self.name)
        storage = str(self.home / "storage")
        Ledger(url=self.database.url, storage=storage).save(self.name)


@contextmanager
def place(home: Path, name: str, protocol: Protocol, database: Database) -> Iterator[Place]:
    """Start what one client needs, over the MailUp whose state is in `home`."""
    (home / "files").mkdir()
    ours, theirs = FORKS.Pipe()
    process = FORKS.Process(target=_serve, args=(home, protocol, theirs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(START_SECONDS):
            raise TimeoutError(f"the servers of {name} did not start")
        yield Place(home, name, protocol, database, *ours.recv())
    finally:
        ours.close()
        process.join(START_SECONDS)
        process.close()


def _serve(home: Path, protocol: Protocol, pipe: Connection) -> None:
    """Serve until the other end of the pipe is closed."""
    with (
        start_mailup(home / "mailup", calls_per_second=0) as mailup,
        file_server(home, protocol) as files,
    ):
        names = (
            "base_url", "console_url", "statistics_url", "token_url", "client_id", "client_secret",
            "username", "password",
        )  # fmt: skip
        pipe.send(({name: getattr(mailup, name) for name in names}, files.port, files.host_key))
        pipe.poll(None)


def file_server(home: Path, protocol: Protocol) -> AbstractContextManager[FileServer]:
    """A client's file server; with FTPS its authority is in the folder `tls`."""
    files = home / "files"
    if protocol == "sftp":
        return start_sftp(files, **LOGIN)
    if protocol == "ftp":
        return start_ftp(files, **LOGIN)
    tls = certificates(home / "tls")
    return start_ftps(files, **LOGIN, certificate=tls.certificate, private_key=tls.private_key)
