"""What real servers need from this machine: programs, a throwaway user, free ports, processes."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

HOST = "127.0.0.1"
START_SECONDS = 15.0
STOP_SECONDS = 5.0
PASSIVE_PORTS = 30  # per server; one transfer at a time, but ports rest after use


@dataclass(frozen=True)
class SystemUser:
    """A temporary account; its home is the folder that clients see."""

    name: str
    password: str
    uid: int
    gid: int
    home: Path


def servers_home() -> Path:
    """Where `.ci/servers` unpacks the FTP servers."""
    default = Path(__file__).parents[3] / ".servers"
    return Path(os.environ.get("FILE_SERVERS_HOME", default))


def need(program: str) -> str:
    """The absolute path of a server; without it the test is skipped, or fails where CI is set."""
    unpacked = servers_home() / "usr/sbin" / program
    found = str(unpacked) if unpacked.exists() else shutil.which(program, path="/usr/sbin:/usr/bin")
    if found is None:
        miss(program)
    return found


def miss(what: str) -> None:
    """End the test: skipped on a developer's machine, failed in CI."""
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(f"needs {what}: run .ci/servers")
    pytest.skip(f"needs {what}")


@contextmanager
def throwaway_user() -> Iterator[SystemUser]:
    """A system user with a password, removed with its home at the end."""
    if os.geteuid() != 0:
        miss("root, for a throwaway system user")
    name, password = f"filetest-{secrets.token_hex(3)}", secrets.token_urlsafe(12)
    run("useradd", "--create-home", "--shell", "/bin/bash", name)
    try:
        run("chpasswd", text=f"{name}:{password}\n")
        home = Path(f"~{name}").expanduser()
        yield SystemUser(name, password, home.stat().st_uid, home.stat().st_gid, home)
    finally:
        run("userdel", "--force", "--remove", name)


def run(*command: str, text: str = "") -> str:
    """Run a program to its end; its output."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{command[0]} failed: {done.stderr}"
    return done.stdout


def free_ports(count: int) -> range:
    """A run of ports on loopback that nobody listens on at this moment."""
    for _ in range(50):
        start = 20000 + secrets.randbelow(12000)
        ports = range(start, start + count)
        if all(_is_free(port) for port in ports):
            return ports
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) != 0


@contextmanager
def running(command: Sequence[str], port: int, log: Path) -> Iterator[None]:
    """A server in the foreground, from the moment it listens; ended by its process id."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        _wait_until_listening(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        if not _is_free(port):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args} does not listen: {log.read_text(errors='replace')}")
