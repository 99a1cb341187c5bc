"""What is left of the keys when a run is killed while gpg works with them."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks.runs.scratch import SHARED_MEMORY, file_system
from tests.keyrings import PASSPHRASE, Keyring, needs_gpg

pytestmark = [
    pytest.mark.core,
    needs_gpg,
    pytest.mark.skipif(sys.platform != "linux", reason="skipped: looks at Linux's processes"),
]

RUN = """
import sys
from pathlib import Path
from pydantic import SecretStr
from tasks.runs import scratch
from tasks.gpg.program import run_gpg
scratch.SHARED_MEMORY = Path(sys.argv[3])
source, target, secret = sys.argv[1], sys.argv[2], sys.stdin.readline().rstrip()
run_gpg("--decrypt", Path(source), Path(target), {"private": sys.stdin.read()},
        passphrase=SecretStr(secret))
"""


def soon(look: Callable[[], Any]) -> Any:
    """What a look finds, as soon as it finds something."""
    until = time.monotonic() + 60
    while not (found := look()) and time.monotonic() < until:
        time.sleep(0.01)
    assert found, "nothing came within a minute"
    return found


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory which no other run sweeps."""
    with tempfile.TemporaryDirectory(prefix="t-", dir=SHARED_MEMORY) as name:
        yield Path(name)


@contextmanager
def at_work(
    ring: Keyring, scratch: Path, memory: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A process in the middle of decrypting, whose gpg waits for a file that does not come."""
    source = scratch / "file"
    os.mkfifo(source)
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, source, scratch / "out", memory], stdin=subprocess.PIPE,
        env=os.environ | {"MAILUP_EXCHANGE_SCRATCH": str(scratch)},
    )  # fmt: skip
    try:
        assert run.stdin
        run.stdin.write(f"{PASSPHRASE}\n{ring.private('us')}".encode())
        run.stdin.close()
        end = soon(lambda: reader_of(source))
        yield run, Path(soon(lambda: ring_of(run.pid)))
        os.close(end)
    finally:
        run.kill()
        run.wait()


def reader_of(fifo: Path) -> int | None:
    """The writing end of a pipe, as soon as somebody reads from it."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        assert error.errno == errno.ENXIO
        return None


def processes() -> Iterator[tuple[Path, bytes, bytes]]:
    """All processes that can be looked at: place, arguments and environment."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            yield place, (place / "cmdline").read_bytes(), (place / "environ").read_bytes()
        except OSError:
            continue


def ring_of(parent: int) -> str:
    """The key ring with which a process works."""
    for place, _, environment in processes():
        try:
            above = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        for variable in environment.split(b"\0") if above == parent else ():
            if variable.startswith(b"KEY_RING="):
                return variable.partition(b"=")[2].decode()
    return ""


def users_of(ring: Path) -> list[bytes]:
    """The processes that work with a key ring."""
    return [command for _, command, _ in processes() if os.fsencode(ring) in command]


def test_nothing_that_opens_a_key_is_on_a_disk_and_nothing_is_left(
    ring: Keyring, scratch: Path, memory: Path
) -> None:
    """While gpg works the keys lie in memory, and passphrase and armor in no file, argument or
    environment; when the run is killed its gpg and agent end, and the keys are gone."""
    armor = ring.private("us").split("\n")[3].encode()
    with at_work(ring, scratch, memory) as (run, home):
        assert file_system(home) in ("tmpfs", "ramfs")
        assert home.stat().st_mode & 0o777 == 0o700
        assert len(users_of(home)) >= 2, "gpg and its agent"
        secrets = (PASSPHRASE.encode(), armor)
        files = [path for top in (home, scratch) for path in top.rglob("*") if path.is_file()]
        for content in (path.read_bytes() for path in files):
            assert not any(each in content for each in secrets)
        for place, arguments, environment in processes():
            if int(place.name) not in (run.pid, os.getpid()) and os.fsencode(home) in arguments:
                assert not any(each in arguments + environment for each in secrets)
        run.send_signal(signal.SIGKILL)
        soon(lambda: not home.exists() and not users_of(home))
