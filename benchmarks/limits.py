"""Under MailUp's limit of five calls per second, with the sandbox's emulator.

How long an import takes compared with its calls at the limit; how long another client's small file
takes while a large one is imported in the same account; and how many of the allowed calls several
concurrent imports use.
"""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from benchmarks.contacts import write_contacts
from benchmarks.imports import agreement, blocks, provided
from benchmarks.measuring import LONGEST_SECONDS, PRODUCT, reported_seconds
from benchmarks.servers import Sshd
from sandbox.demo_parts import Prefect, Programs, free_port

CALLS_PER_SECOND = 5.0
SINGLE_ROWS, LARGE_ROWS, SMALL_ROWS = 500_000, 300_000, 500
TOGETHER, TOGETHER_ROWS = 4, 60_000
HEAD_START_SECONDS = 8.0


@dataclass(frozen=True)
class Limited:
    """Seconds of work in a run of `SINGLE_ROWS`, and its calls to MailUp.

    `alone` and `behind`: seconds of a small file alone, and while a large file of the account is
    imported. `together`: calls per second of `TOGETHER` concurrent imports.
    """

    seconds: float
    calls: int
    alone: float
    behind: float
    together: float

    @property
    def least(self) -> float:
        """Seconds that the calls take at the limit."""
        return self.calls / CALLS_PER_SECOND


def measured(folder: Path, sshd: Sshd) -> Limited:
    """A small import alone, one while a large one runs, and an even larger one alone."""
    with Programs(folder) as programs:
        sandbox = _emulator(programs)
        server = Prefect(programs, free_port(0))
        provided(programs, server, blocks(folder, sshd, sandbox["mailup"]))
        alone = _start(folder, sshd, programs, "alone", SMALL_ROWS)
        alone_seconds = _ended(alone)
        large = _start(folder, sshd, programs, "large", LARGE_ROWS)
        time.sleep(HEAD_START_SECONDS)
        behind_seconds = _ended(_start(folder, sshd, programs, "behind", SMALL_ROWS))
        if large.poll() is not None:
            raise RuntimeError("the large import had ended before the small one")
        _ended(large)
        before = _calls(sandbox)
        seconds = _ended(_start(folder, sshd, programs, "single", SINGLE_ROWS))
        calls = _calls(sandbox) - before
        together = _together(folder, sshd, programs, sandbox)
        return Limited(seconds, calls, alone_seconds, behind_seconds, together)


def _emulator(programs: Programs) -> dict[str, Any]:
    """MailUp's emulator with its limit; an import takes at least 0.1 seconds."""
    home = programs.home / "sandbox"
    programs.start("sandbox", "-m", "sandbox", "--home", str(home), "--import-seconds", "0.1")
    config: dict[str, Any] = json.loads(programs.wait_for_file("sandbox", home / "sandbox.json"))
    return config


def _together(folder: Path, sshd: Sshd, programs: Programs, sandbox: dict[str, Any]) -> float:
    """Calls per second of several concurrent imports."""
    before = _calls(sandbox)
    names = [f"together{number}" for number in range(TOGETHER)]
    for each in [_start(folder, sshd, programs, name, TOGETHER_ROWS) for name in names]:
        _ended(each)
    moments = [call["time"] for call in _log(sandbox)[before:]]
    return (len(moments) - 1) / float(moments[-1] - moments[0])


def _calls(sandbox: dict[str, Any]) -> int:
    return len(_log(sandbox))


def _log(sandbox: dict[str, Any]) -> list[dict[str, Any]]:
    answer = requests.get(f"{sandbox['page']}/_sandbox/log", timeout=60)
    answer.raise_for_status()
    config: list[dict[str, Any]] = answer.json()
    return config


def _start(
    folder: Path, sshd: Sshd, programs: Programs, client: str, rows: int
) -> subprocess.Popen[str]:
    """Start an import of a client's own file."""
    file = f"{client}.csv"
    write_contacts(sshd.files / file, rows, seed=sum(client.encode()))
    config = folder / f"{client}.json"
    config.write_text(json.dumps(agreement(file) | {"client": client}), encoding="utf-8")
    return subprocess.Popen(
        [*PRODUCT, "benchmarks.ours", str(config)], env=programs.environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _ended(process: subprocess.Popen[str]) -> float:
    """Wait for the end of a run; its seconds of work."""
    output, _ = process.communicate(timeout=LONGEST_SECONDS)
    if process.returncode:
        raise RuntimeError(f"an import failed:\n{output[-3000:]}")
    return reported_seconds(output)
