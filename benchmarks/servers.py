"""The servers of the benchmarks, on the loopback address: OpenSSH's sshd, sink and source."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path
from shutil import which

import requests

from sandbox.demo_parts import free_port

START_SECONDS = 20.0
_SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/client.pub
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
UseDNS no
MaxStartups 100
Subsystem sftp internal-sftp -d {files}
"""


@dataclass(frozen=True)
class Sshd:
    """An SFTP server that accepts the current user with `key`; `files` is the login folder."""

    port: int
    user: str
    key: Path
    host_key: str
    files: Path


@dataclass(frozen=True)
class Sink:
    """The server in place of MailUp, which only counts."""

    url: str

    def reset(self) -> None:
        """Set the counts to 0."""
        requests.post(f"{self.url}/reset", timeout=10).raise_for_status()

    def counted(self) -> dict[str, int]:
        """Calls, imports, rows and bytes since the reset."""
        counted: dict[str, int] = requests.get(f"{self.url}/counted", timeout=10).json()
        return counted


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """A server run by the current user."""
    folder, files = folder.resolve(), folder.resolve() / "files"
    files.mkdir(parents=True)
    for name in ("host", "client"):
        subprocess.run(
            [openssh("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", folder / name],
            check=True,
        )
    port = free_port(0)
    settings = folder / "sshd_config"
    settings.write_text(_SSHD.format(port=port, folder=folder, files=files), encoding="ascii")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # required as root
    with running([openssh("sshd"), "-D", "-e", "-f", str(settings)], folder / "sshd.log"):
        wait_for(lambda: _answers(port))
        host_key = (folder / "host.pub").read_text(encoding="ascii").strip()
        yield Sshd(port, getuser(), folder / "client", host_key, files)


@contextmanager
def sink(folder: Path) -> Iterator[Sink]:
    """The sink in its own process."""
    port_file = folder / "sink.port"
    with running([sys.executable, "-m", "benchmarks.sink", str(port_file)], folder / "sink.log"):
        wait_for(port_file.exists)
        yield Sink(f"http://127.0.0.1:{port_file.read_text(encoding='ascii')}")


@contextmanager
def source(folder: Path) -> Iterator[str]:
    """The URL of the source, in its own process."""
    port_file = folder / "source.port"
    with running(
        [sys.executable, "-m", "benchmarks.source", str(port_file)], folder / "source.log"
    ):
        wait_for(port_file.exists)
        yield f"http://127.0.0.1:{port_file.read_text(encoding='ascii')}"


def openssh(name: str) -> str:
    """The absolute path of a program of OpenSSH."""
    found = which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        raise SystemExit("OpenSSH is needed: apt-get install openssh-server openssh-client")
    return found


@contextmanager
def running(command: list[str], log: Path) -> Iterator[None]:
    """Run a program until the `with` block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def wait_for(there: Callable[[], bool]) -> None:
    """Wait until `there()` is true; RuntimeError if it takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while not there():
        if time.monotonic() > deadline:
            raise RuntimeError(f"a server did not start within {START_SECONDS:.0f} seconds")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0
