"""Steps: every task of a run is measured here: how long it took, how often it called MailUp."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from prefect.runtime import task_run

from blocks.accounts import MailUpAccount
from blocks.errors import DiskFull, RetryableError, SyncError, is_full
from blocks.ledger.store import Store
from blocks.ledgers import Ledger
from blocks.loading import load
from blocks.mailup.client import MailUpClient
from tasks.runs.scratch import scratch_parent
from tasks.texts.failure import defect
from tasks.texts.step_table import Step, steps_table

_P = ParamSpec("_P")
_R = TypeVar("_R")

_logger = logging.getLogger(__name__)

# A run's tasks are called by its flow, one after the other, in the thread of the flow.
_steps: ContextVar[list[Step] | None] = ContextVar("steps", default=None)


@contextmanager
def measured() -> Iterator[list[Step]]:
    """Measure the tasks that are called inside; the list grows with them."""
    steps: list[Step] = []
    token = _steps.set(steps)
    try:
        yield steps
    finally:
        _steps.reset(token)


def measured_step(name: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorator of what a task does: one step of the run, however often it is attempted.

    An error that is not ours leaves it as a Defect, or as a full disk; its own text is for
    developers alone, who show it with PREFECT_LOGGING_EXTRA_LOGGERS=tasks.runs.steps and
    PREFECT_LOGGING_LEVEL=DEBUG.
    """

    def decorate(work: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(work)
        def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            step = _begun(name)
            step.failed = True
            try:
                done = work(*args, **kwargs)
            except SyncError:
                raise
            except Exception as error:
                _logger.debug("What a defect quotes stays here", exc_info=True)
                raise as_sync_error(error) from None
            finally:
                step.ended = time.monotonic()
            step.failed = False
            return done

        return run

    return decorate


def as_sync_error(error: Exception) -> SyncError:
    """An error as one of ours: as it is, a full disk, or a Defect."""
    if isinstance(error, SyncError):
        return error
    if is_full(error):
        return DiskFull(
            f"The disk of this worker is full: a file of the run in {scratch_parent()} could not "
            "be written. Free space there, or let MAILUP_EXCHANGE_SCRATCH name a folder with more."
        )
    return defect(error)


def _begun(name: str) -> Step:
    steps, run = _steps.get(), str(task_run.id or "")
    if steps and run and steps[-1].run == run:
        again = steps[-1]
        again.attempts, again.ended = again.attempts + 1, None
        return again
    step = Step(name, time.monotonic(), title=str(task_run.name or name), run=run)
    if steps is not None:
        steps.append(step)
    return step


@contextmanager
def shared_call_order(ledger: str, *, dry_run: bool) -> Iterator[Store | None]:
    """The ledger in which runs reserve their calls; None where nothing is written, or it is away:
    then they share what Prefect gives."""
    if dry_run:
        yield None
        return
    block = load(Ledger, ledger)
    try:
        store = block.open()
    except RetryableError:
        yield None
        return
    with store:
        yield store


@contextmanager
def mailup_client(
    account: MailUpAccount, store: Store | None, *, guard: Callable[[], None] | None = None
) -> Iterator[MailUpClient]:
    """A client of the account whose calls count for the step at hand, however it ends.

    Runs that share the ledger call in the order in which they want to. Whoever changes something
    at MailUp gives a `guard` that stops a run which works alone no more.
    """
    with account.connect(store, guard=guard) as client:
        try:
            yield client
        finally:
            if steps := _steps.get():
                steps[-1].calls += client.calls


def set_progress(told: str) -> None:
    """Say how far the step at hand has come."""
    if steps := _steps.get():
        steps[-1].reached = told


def current_step() -> str:
    """What the step at hand, or else the last one, works on if it has not ended well."""
    steps = _steps.get()
    return steps[-1].title if steps and steps[-1].failed else ""


def steps_since_last_report() -> str:
    """The steps since this was asked last, as a table; the one at hand is among them."""
    steps = _steps.get()
    if steps is None:
        return ""
    told = steps_table(steps, time.monotonic())
    steps.clear()
    return told
