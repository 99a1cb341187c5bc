"""Flow runs in processes of their own, which are killed at chosen instants or at any moment, or
disturbed by an outage."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.journeys.harness.child_run import Instant, Life, live
from tests.journeys.harness.kill_points import At, Nth, Stop

LONGEST_RUN_SECONDS = 900
LONGEST_DISTURBED_SECONDS = 240

# A process that has imported what takes long, and is then forked for each run. Nothing that lets
# polars compute, as the exports do when they are imported: its threads would be missing in a fork,
# which would wait for them for ever.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.journeys.harness.child_run", "flows.import_recipients"])


@dataclass(frozen=True)
class Moment:
    """A kill from outside: some seconds after the run's first instant."""

    seconds: float


@dataclass(frozen=True)
class Arrival:
    """A kill from outside: as soon as a new file is in a folder."""

    folder: Path


Death = Instant | Nth | At | Moment | Arrival


@dataclass(frozen=True)
class Ending:
    """How a run ended: completed or not, name of the error, message, what to do next."""

    completed: bool
    error: str
    message: str
    what_next: str | None
    seconds: float


NO_END = Ending(False, "no end", "", None, LONGEST_DISTURBED_SECONDS)


@dataclass(frozen=True)
class Runner:
    """Runs flows against a Prefect server; `home` takes their settings, output and trace."""

    api_url: str
    home: Path

    def run(self, flow: str, parameters: dict[str, Any]) -> None:
        """Run a flow to its end; AssertionError with its output if it does not complete."""
        process = self.start(flow, parameters)
        process.join(LONGEST_RUN_SECONDS)
        process.kill()
        process.join()
        assert process.exitcode == 0, f"exit code {process.exitcode}\n{self.log}"

    def kill(self, flow: str, parameters: dict[str, Any], death: Death) -> str:
        """Run a flow until it is killed; the instant, or "" if it completed."""
        within = death if isinstance(death, Instant | Nth | At) else None
        process = self.start(flow, parameters, deadly=within)
        if within:
            process.join(LONGEST_RUN_SECONDS)
            assert not process.is_alive(), f"it hangs after {self.steps()[-1:]}\n{self.log}"
        elif isinstance(death, Moment):
            self._wait_for_its_first_instant(process)
            process.join(death.seconds)
        elif isinstance(death, Arrival):
            before = _entries(death.folder)
            while process.is_alive() and _entries(death.folder) <= before:
                time.sleep(0.001)
        process.kill()
        process.join()
        if process.exitcode == -signal.SIGKILL:
            return str(death) if isinstance(death, Instant) else self.steps()[-1]
        assert process.exitcode == 0, f"exit code {process.exitcode}\n{self.log}"
        return ""

    def stop(self, flow: str, parameters: dict[str, Any], stop: Stop) -> BaseProcess:
        """Run a flow until it is stopped; AssertionError if it ends before."""
        process = self.start(flow, parameters, deadly=stop)
        end = time.monotonic() + LONGEST_RUN_SECONDS
        while time.monotonic() < end and process.is_alive() and not _stands_still(process):
            time.sleep(0.02)
        assert process.is_alive() and _stands_still(process), self.log
        return process

    def wake(self, process: BaseProcess) -> None:
        """Let a stopped run continue to its end."""
        assert process.pid
        os.kill(process.pid, signal.SIGCONT)
        process.join(LONGEST_RUN_SECONDS)
        assert process.exitcode in (0, 1), self.log

    def disturb(
        self, flow: str, parameters: dict[str, Any], instant: str, begin: Callable[[], None]
    ) -> Ending | None:
        """Run a flow; an outage begins at the first instant with this label. How it ended, None
        if it did not reach that instant."""
        ours, theirs = FORKS.Pipe()
        process = self.start(flow, parameters, struck=instant, bell=theirs)
        start, struck = time.monotonic(), False
        theirs.close()
        while process.is_alive() and time.monotonic() < start + LONGEST_DISTURBED_SECONDS:
            if ours.poll(0.05):
                with suppress(EOFError):
                    ours.recv()
                    struck = True
                    begin()
                    ours.send(None)
            process.join(0.02)
        seconds = time.monotonic() - start
        process.kill()
        process.join()
        if not struck:
            return None
        said = self.home / "said"
        if not said.exists():
            return NO_END
        completed, error, message, what_next = json.loads(said.read_text())
        return Ending(completed, error, message, what_next, seconds)

    def start(self, flow: str, parameters: dict[str, Any], **how: Any) -> BaseProcess:
        """Start a run; `how` are further fields of its `Life`."""
        life = Life(self.api_url, self.home, flow, parameters, **how)
        for left in (life.trace, life.said):
            left.unlink(missing_ok=True)
        process = FORKS.Process(target=live, args=(life,))
        process.start()
        return process

    def steps(self) -> list[str]:
        """The instants of the last run, in their order."""
        trace = self.home / "trace"
        return trace.read_text().splitlines() if trace.exists() else []

    @property
    def log(self) -> str:
        """The end of the runs' output."""
        return (self.home / "runs.log").read_text()[-4000:]

    def _wait_for_its_first_instant(self, process: BaseProcess) -> None:
        while process.is_alive() and not self.steps():
            time.sleep(0.01)


def _stands_still(process: BaseProcess) -> bool:
    status = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8")
    return status.rpartition(")")[2].split()[0] == "T"


def _entries(folder: Path) -> set[Path]:
    return set(folder.iterdir()) if folder.exists() else set()
