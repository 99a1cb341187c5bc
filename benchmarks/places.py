"""The file servers of the benchmarks: sshd, and vsftpd without and with TLS.

FTP servers are those of the contract tests; they need root, to create a temporary system user.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import trustme

from benchmarks.delay import FAR, HERE
from benchmarks.servers import Sshd, running, wait_for
from tests.contract.real_servers import machine, vsftpd
from tests.contract.real_servers.catalogue import Certificate

ROUND_TRIP_MILLISECONDS = 40


@dataclass(frozen=True)
class Place:
    """A file server; `files` is its login folder on this disk.

    `fields` are those of a server block of the type `kind`; `ports` all its ports; `trusted` is a
    known_hosts file or a CA certificate.
    """

    name: str
    kind: str
    fields: dict[str, Any]
    files: Path
    ports: tuple[int, ...]
    trusted: Path
    key: Path | None = None
    owner: tuple[int, int] = (-1, -1)

    @property
    def far(self) -> "Place":
        """The same server with network latency."""
        trusted = self.trusted
        if self.key:
            trusted = _known_hosts(trusted.parent, FAR, self.port, self.fields["host_key"])
        return replace(self, fields=self.fields | {"host": FAR}, trusted=trusted)

    @property
    def host(self) -> str:
        return str(self.fields["host"])

    @property
    def port(self) -> int:
        return int(self.fields["port"])

    @property
    def user(self) -> str:
        return str(self.fields["username"])

    @property
    def job(self) -> dict[str, Any]:
        """The connection for `benchmarks.moving` and `benchmarks.listings`."""
        return {"kind": self.kind, "server": self.fields}

    def put_there(self, path: Path) -> None:
        """Make the server's user the owner of a file or folder."""
        os.chown(path, *self.owner)


@contextmanager
def long_line(folder: Path, place: Place) -> Iterator[Place]:
    """The server with a round trip of 40 ms."""
    ready = folder / f"delay-{place.kind}"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.delay", str(ROUND_TRIP_MILLISECONDS), str(ready),
               *map(str, place.ports)]  # fmt: skip
    with running(command, folder / "delay.log"):
        wait_for(ready.exists)
        yield place.far


def sftp(sshd: Sshd) -> Place:
    """The SFTP server, with its host key pinned for all clients."""
    fields = {
        "host": HERE, "port": sshd.port, "username": sshd.user, "host_key": sshd.host_key,
        "private_key": sshd.key.read_text(encoding="ascii"),
    }  # fmt: skip
    known = _known_hosts(sshd.key.parent, HERE, sshd.port, sshd.host_key)
    return Place("SFTP", "sftp-server", fields, sshd.files, (sshd.port,), known, sshd.key)


def _known_hosts(folder: Path, host: str, port: int, host_key: str) -> Path:
    known = folder / f"known-{host}"
    known.write_text(f"[{host}]:{port} {host_key}\n", encoding="ascii")
    return known


def ftp_misses() -> str:
    """What FTP servers need and is missing; "" for nothing."""
    if os.geteuid() != 0:
        return "root is needed, to create a temporary system user"
    if not (machine.servers_home() / "usr/sbin/vsftpd").exists() and not shutil.which("vsftpd"):
        return "vsftpd is needed: .ci/servers"
    return ""


@contextmanager
def ftp(folder: Path) -> Iterator[tuple[Place, Place]]:
    """vsftpd without and with TLS; all clients verify the certificate."""
    folder.mkdir()
    folder.parent.chmod(0o755)  # the servers drop root's rights
    shown = _certificate(folder)
    trusted = folder / "authority.pem"
    trusted.write_text(shown.authority, encoding="ascii")
    with (
        machine.throwaway_user() as user,
        vsftpd.start(folder / "ftp", user) as plain,
        vsftpd.start(folder / "ftps", user, shown) as secure,
    ):
        login = {"host": HERE, "username": user.name, "password": user.password}
        verified = login | {"ca_certificate": shown.authority, "port": secure.port}
        home, owner = user.home, (user.uid, user.gid)
        yield (
            Place("FTP", "ftp-server", login | {"port": plain.port}, home, _ports(plain.port),
                  trusted, owner=owner),
            Place("FTPS", "ftps-server", verified, home, _ports(secure.port), trusted,
                  owner=owner),
        )  # fmt: skip


def _certificate(folder: Path) -> Certificate:
    """A certificate for both addresses."""
    authority = trustme.CA()
    issued = authority.issue_cert(HERE, FAR)
    issued.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    return Certificate(authority.cert_pem.bytes().decode(), folder / "certificate.pem",
                       folder / "key.pem")  # fmt: skip


def _ports(first: int) -> tuple[int, ...]:
    """The control port and the data ports after it, as in the contract tests."""
    return tuple(range(first, first + 1 + machine.PASSIVE_PORTS))
