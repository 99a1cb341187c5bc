"""Flow runs in processes of their own, which are killed: at chosen instants, or at any moment."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    temporary_settings,
)

LONGEST_RUN_SECONDS = 900

# A process that has imported what takes long, and is then forked for each run. Nothing that brings
# polars: its threads would be missing in a fork, which would wait for them for ever.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["prefect.flow_engine", "prefect.task_engine", "prefect.artifacts", "sqlalchemy", "paramiko"]
)


@dataclass(frozen=True)
class Instant:
    """Where a run kills itself: before (or after) the nth call of a function, `module:name`."""

    where: str
    nth: int = 1
    after: bool = False


@dataclass(frozen=True)
class Moment:
    """When a run is killed from outside: after some seconds."""

    seconds: float


@dataclass(frozen=True)
class Arrival:
    """When a run is killed from outside: as soon as a new file is seen in a folder."""

    folder: Path


Death = Instant | Moment | Arrival


@dataclass(frozen=True)
class Runner:
    """Runs export flows against a Prefect server; `home` takes their settings and their output."""

    api_url: str
    home: Path

    def run(self, flow: str, parameters: dict[str, Any]) -> None:
        """Run a flow to its end; AssertionError with what it printed where it does not complete."""
        process = self._start(flow, parameters, None)
        process.join(LONGEST_RUN_SECONDS)
        if process.exitcode != 0:
            process.kill()
            raise AssertionError((self.home / "runs.log").read_text()[-4000:])

    def kill(self, flow: str, parameters: dict[str, Any], death: Death) -> bool:
        """Run a flow until it is killed; whether it was killed before its end."""
        process = self._start(flow, parameters, death if isinstance(death, Instant) else None)
        if isinstance(death, Moment):
            process.join(death.seconds)
        elif isinstance(death, Arrival):
            before = _entries(death.folder)
            while process.is_alive() and _entries(death.folder) <= before:
                time.sleep(0.001)
        if not isinstance(death, Instant):
            process.kill()
        process.join(LONGEST_RUN_SECONDS)
        return process.exitcode == -signal.SIGKILL

    def _start(self, flow: str, parameters: dict[str, Any], instant: Instant | None) -> BaseProcess:
        process = FORKS.Process(
            target=_live, args=(self.api_url, self.home, flow, parameters, instant)
        )
        process.start()
        return process


def _entries(folder: Path) -> set[Path]:
    return set(folder.iterdir()) if folder.exists() else set()


def _live(
    api_url: str, home: Path, flow: str, parameters: dict[str, Any], instant: Instant | None
) -> None:
    """What the process does: one run."""
    with (home / "runs.log").open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    settings = {
        PREFECT_API_URL: api_url,
        PREFECT_HOME: home / "prefect",
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    with temporary_settings(settings):
        if instant:
            _arm(instant)
        export = getattr(import_module(f"flows.{flow}"), flow)
        state = export(**parameters, return_state=True)
    sys.exit(0 if state.is_completed() else 1)


def _arm(instant: Instant) -> None:
    """Let the function at `instant` be as it is, but the last thing that this process does."""
    module, _, path = instant.where.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    setattr(owner, name, _last(getattr(owner, name), instant))


def _last(real: Callable[..., Any], instant: Instant) -> Callable[..., Any]:
    calls = count(1)

    def last(*args: Any, **named: Any) -> Any:
        due = next(calls) == instant.nth
        if due and not instant.after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **named)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return last
