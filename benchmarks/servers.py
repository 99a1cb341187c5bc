"""The real servers of a measurement, on the loopback address: OpenSSH's sshd, the sink
and the source."""

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
    """An SFTP server that lets the current user in with `key`; `files` is where it starts."""

    port: int
    user: str
    key: Path
    host_key: str
    files: Path


@dataclass(frozen=True)
class Sink:
    """The counter that stands in for MailUp."""

    url: str

    def forget(self) -> None:
        """Begin to count anew."""
        requests.post(f"{self.url}/forget", timeout=10).raise_for_status()

    def counted(self) -> dict[str, int]:
        """Calls, imports, rows and bytes since then."""
        counted: dict[str, int] = requests.get(f"{self.url}/counted", timeout=10).json()
        return counted


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """A server of the current user's own."""
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
        Path("/run/sshd").mkdir(exist_ok=True)  # it wants this folder as root
    with running([openssh("sshd"), "-D", "-e", "-f", str(settings)], folder / "sshd.log"):
        wait_for(lambda: _answers(port))
        host_key = (folder / "host.pub").read_text(encoding="ascii").strip()
        yield Sshd(port, getuser(), folder / "client", host_key, files)


@contextmanager
def sink(folder: Path) -> Iterator[Sink]:
    """The counter in a process of its own."""
    told = folder / "sink.port"
    with running([sys.executable, "-m", "benchmarks.sink", str(told)], folder / "sink.log"):
        wait_for(told.exists)
        yield Sink(f"http://127.0.0.1:{told.read_text(encoding='ascii')}")


@contextmanager
def source(folder: Path) -> Iterator[str]:
    """The URL of statistics in finished pages, served by a process of its own."""
    told = folder / "source.port"
    with running([sys.executable, "-m", "benchmarks.source", str(told)], folder / "source.log"):
        wait_for(told.exists)
        yield f"http://127.0.0.1:{told.read_text(encoding='ascii')}"


def openssh(name: str) -> str:
    """The absolute path of one of its programs."""
    found = which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        raise SystemExit("OpenSSH is needed: apt-get install openssh-server openssh-client")
    return found


@contextmanager
def running(command: list[str], log: Path) -> Iterator[None]:
    """A program that runs until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def wait_for(there: Callable[[], bool]) -> None:
    """Return when something is there; RuntimeError where it takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while not there():
        if time.monotonic() > deadline:
            raise RuntimeError(f"a server did not start within {START_SECONDS:.0f} seconds")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0
