"""Files up and down over SFTP, beside OpenSSH's own `sftp`, at once and over a long line."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measuring import Contender
from benchmarks.servers import Sshd, running, wait_for

FILE_MEGABYTES = 200
OURS, SFTP = "this project", "OpenSSH sftp"
ROUND_TRIP_MILLISECONDS = 40


def write_file(sshd: Sshd, megabytes: int) -> Path:
    """A file of random bytes on the server."""
    path = sshd.files / "bytes"
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))
    return path


@contextmanager
def long_line(folder: Path, sshd: Sshd) -> Iterator[int]:
    """A port behind which the server is 40 ms away and back."""
    told = folder / "delay.port"
    told.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.delay", str(sshd.port),
               str(ROUND_TRIP_MILLISECONDS), str(told)]  # fmt: skip
    with running(command, folder / "delay.log"):
        wait_for(told.exists)
        yield int(told.read_text(encoding="ascii"))


def contenders(folder: Path, sshd: Sshd, port: int, *, down: bool) -> list[Contender]:
    """Ours and OpenSSH's client, with the same key and the same host key pinned."""
    local = folder / "local"
    if not down:
        shutil.copyfile(sshd.files / "bytes", local)
    there = "bytes" if down else "arrived"
    return [
        Contender(OURS, [sys.executable, "-m", "benchmarks.moving", json.dumps(
            _job(sshd, port, there, local, down=down))]),
        Contender(SFTP, _sftp(folder, sshd, port, there, local, down=down)),
    ]  # fmt: skip


def _job(sshd: Sshd, port: int, there: str, local: Path, *, down: bool) -> dict[str, Any]:
    server = {"host": "127.0.0.1", "port": port, "username": sshd.user,
              "private_key": sshd.key.read_text(encoding="ascii"),
              "host_key": sshd.host_key}  # fmt: skip
    return {"server": server, "local": str(local), "get" if down else "put": there}


def _sftp(folder: Path, sshd: Sshd, port: int, there: str, local: Path, *, down: bool) -> list[str]:
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {sshd.host_key}\n", encoding="ascii")
    batch = folder / "batch"
    batch.write_text(f"get {there} {local}\n" if down else f"put {local} {there}\n")
    return [
        "sftp", "-q", "-b", str(batch), "-P", str(port), "-i", str(sshd.key),
        "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes",
        "-o", "IdentitiesOnly=yes", f"{sshd.user}@127.0.0.1",
    ]  # fmt: skip
