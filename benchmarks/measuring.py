"""Measure programs side by side: alternating, several times, each in its own process."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_SECONDS = 1800.0
PRODUCT = [os.environ.get("BENCH_PRODUCT", sys.executable), "-m"]
"""Runs a module of the product: `make bench` sets the Python of an environment without development
packages. (If hypothesis and pytest are installed, pandera loads them.)
"""
LOOK_SECONDS = 0.02

_STEP = re.compile(r"^step (\w+)=([0-9.]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Contender:
    """A program to measure; it may print `seconds=1.23`, its time without start-up, and
    `step fetch=0.45` for a part of that.

    `before` restores the initial state, and is not measured.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None
    after: Callable[[], dict[str, float]] = dict


@dataclass(frozen=True)
class Run:
    """One run: wall and CPU seconds, seconds that it reported, peak memory in MB, and counts;
    `steps` are the reported seconds of its parts."""

    wall: float
    cpu: float
    inside: float
    memory: float
    counted: dict[str, float]
    steps: dict[str, float]


@dataclass
class Series:
    """The runs of one contender."""

    name: str
    runs: list[Run] = field(default_factory=list)

    def median(self, of: str) -> float:
        """The median of `wall`, `cpu`, `inside` or `memory`."""
        return statistics.median(getattr(run, of) for run in self.runs)

    def spread(self, of: str) -> tuple[float, float]:
        """Minimum and maximum."""
        values = [getattr(run, of) for run in self.runs]
        return min(values), max(values)


def side_by_side(
    contenders: Sequence[Contender], times: int, say: Callable[[str], None] = print
) -> dict[str, Series]:
    """Run all contenders alternately, `times` times each."""
    found = {each.name: Series(each.name) for each in contenders}
    for number in range(times):
        for each in contenders:
            run = measured(each)
            found[each.name].runs.append(run)
            say(f"  {number + 1}/{times} {each.name}: {run.wall:.2f} s, {run.memory:.0f} MB")
    return found


def measured(contender: Contender) -> Run:
    """One run; RuntimeError with its output if it fails."""
    contender.before()
    start = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        process = subprocess.Popen(
            contender.command, env={**os.environ, **contender.environment},
            stdout=printed, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        memory = 0.0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            memory = max(memory, _peak(process.pid))
            if time.monotonic() - start > LONGEST_SECONDS:
                process.kill()
            time.sleep(LOOK_SECONDS)
        wall = time.monotonic() - start
        printed.seek(0)
        output = printed.read()
    _, status, used = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{contender.name} failed:\n{output[-3000:]}")
    return Run(
        wall=wall,
        cpu=used.ru_utime + used.ru_stime,
        inside=reported_seconds(output, wall),
        memory=memory,
        counted=contender.after(),
        steps={name: float(seconds) for name, seconds in _STEP.findall(output)},
    )


def _peak(process: int) -> float:
    """The peak memory of a process in MB.

    Not from getrusage, which includes the process from which it was forked.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+([0-9]+)", status)
    return int(found.group(1)) / 1024 if found else 0.0


def reported_seconds(output: str, otherwise: float = 0.0) -> float:
    """The seconds that a program printed."""
    found = [line for line in output.splitlines() if line.startswith("seconds=")]
    return float(found[-1].removeprefix("seconds=")) if found else otherwise


def program(name: str) -> list[str]:
    """The path of a peer's script."""
    return [str(Path(__file__).with_name("peers") / name)]
