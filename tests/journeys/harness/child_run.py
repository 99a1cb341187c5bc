"""The process of one flow run, which may be killed at a chosen instant."""

import inspect
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from prefect import Task
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from blocks.ledger import bounds, leases, store
from blocks.mailup.http import retries
from blocks.mailup.http.settings import MailUpSettings
from blocks.pace import SharedPace
from tasks.imports import batch_sender
from tests.journeys.harness.kill_points import At, Instants, Nth, Stop

STOPPED_LEASE_SECONDS = 6.0
"""Seconds that the leases of a run to be stopped live: others continue after them."""


@dataclass(frozen=True)
class Instant:
    """Where a run kills itself: before (or after) the nth call of a function, `module:name`."""

    where: str
    nth: int = 1
    after: bool = False


@dataclass(frozen=True)
class Life:
    """One run of a flow; `home` takes its settings, its output and its trace.

    It dies at the `deadly` instant. At the first one with the label `struck` it rings the `bell`,
    and continues when it is answered; only then are its waits for outages shorter.
    """

    api_url: str
    home: Path
    flow: str
    parameters: dict[str, Any]
    deadly: Instant | Nth | At | Stop | None = None
    struck: str = ""
    bell: Connection | None = None

    @property
    def trace(self) -> Path:
        """The file with the labels of its instants, one per line."""
        return self.home / "trace"

    @property
    def said(self) -> Path:
        """The file with its end: completed or not, name of the error, message, what to do next."""
        return self.home / "said"


def live(life: Life) -> None:
    """Run the flow, to its end or until it is killed."""
    with (life.home / "runs.log").open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    settings = {
        PREFECT_API_URL: life.api_url,
        PREFECT_CLIENT_MAX_RETRIES: 20,  # many runs share a server on SQLite
        PREFECT_HOME: life.home / "prefect",
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_TO_API_ENABLED: False,
    }
    os.environ["MAILUP_EXCHANGE_SCRATCH"] = str(life.home / "scratch")
    with temporary_settings(settings):
        flow = getattr(import_module(f"flows.{life.flow}"), life.flow)
        _prepare(life)
        state = flow(**life.parameters, return_state=True)
    # A state that Prefect's server sent twice has no data.
    error = None if state.is_completed() else state.result(raise_on_failure=False)
    ending = [type(error).__name__, state.message, getattr(error, "what_next", None)]
    life.said.write_text(json.dumps([state.is_completed(), *ending]))
    os._exit(0 if state.is_completed() else 1)


def _prepare(life: Life) -> None:
    _hurry()
    if isinstance(life.deadly, Stop):
        _shorten_leases(STOPPED_LEASE_SECONDS)
    if life.bell:
        _lose_patience()
    if isinstance(life.deadly, Instant):
        Instants(life.trace).arm()
        _arm(life.deadly)
    else:
        trace, struck, bell = life.trace, life.struck, life.bell
        Instants(trace, deadly=life.deadly, struck=struck, bell=bell).arm()


def _hurry() -> None:
    """Remove the waits for MailUp's rate limit; the emulator needs none."""
    SharedPace.__call__ = lambda _: None  # type: ignore[method-assign]
    batch_sender.LOOK_UP_DELAY_SECONDS = 0.1
    batch_sender.BUSY_WAIT_SECONDS = 0.1


def _lose_patience() -> None:
    """Shorten waits for unavailable services from a minute to some seconds."""
    for module in [found for name, found in sys.modules.items() if name.startswith("tasks.")]:
        for unit in vars(module).values():
            if isinstance(unit, Task) and unit.retries:
                unit.retry_delay_seconds = [0.4, 0.8, 1.6, 3.2]
    _shorten_leases(15.0)
    store.BUSY_SECONDS, store.LEDGER_CONNECT_SECONDS, bounds.ANSWER_SECONDS = 1, 2, 3.0
    retries.FIRST_WAIT_SECONDS = retries.THROTTLED_WAIT_SECONDS = 0.1
    retries.LONGEST_WAIT_SECONDS = 1.0
    MailUpSettings.__init__.__kwdefaults__["throttled_seconds"] = 3.0  # type: ignore[index]


def _shorten_leases(seconds: float) -> None:
    """Set the lifetime of leases."""
    leases.LEASE_SECONDS = seconds
    for held in (leases.take, leases.renew, leases.kept, leases.held):
        inspect.unwrap(held).__kwdefaults__["seconds"] = seconds


def _arm(instant: Instant) -> None:
    """Kill this process before or after the function at `instant`."""
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
