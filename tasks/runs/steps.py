"""Steps: measures duration and MailUp calls of every task of a run."""

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

# A flow calls its tasks one after the other in its own thread.
_steps: ContextVar[list[Step] | None] = ContextVar("steps", default=None)


@contextmanager
def measured() -> Iterator[list[Step]]:
    """Measure the tasks that are called inside; they are appended to the list."""
    steps: list[Step] = []
    token = _steps.set(steps)
    try:
        yield steps
    finally:
        _steps.reset(token)


def measured_step(name: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorator of the work of a task: one step of the run, whatever the number of attempts.

    An unexpected error is raised as Defect or DiskFull; its original text is logged only for
    developers, with PREFECT_LOGGING_EXTRA_LOGGERS=tasks.runs.steps and
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
                _logger.debug("Unexpected error", exc_info=True)
                raise as_sync_error(error) from None
            finally:
                step.ended = time.monotonic()
            step.failed = False
            return done

        return run

    return decorate


def as_sync_error(error: Exception) -> SyncError:
    """Convert an error to a SyncError: itself, DiskFull or Defect."""
    if isinstance(error, SyncError):
        return error
    if is_full(error):
        return DiskFull(
            f"The disk of this worker is full: a file of the run in {scratch_parent()} could not "
            "be written. Free space there, or set MAILUP_EXCHANGE_SCRATCH to a folder with more."
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
    """Yield the ledger in which runs reserve calls; None in a dry run or if it is unavailable, when
    only Prefect's rate limit applies."""
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
    """Yield a client of the account; its calls count for the current step.

    Runs that share the ledger call in the order of their requests. `guard` is needed for changes in
    MailUp: it stops a run that has lost its lease.
    """
    with account.connect(store, guard=guard) as client:
        try:
            yield client
        finally:
            if steps := _steps.get():
                steps[-1].calls += client.calls


def set_progress(text: str) -> None:
    """Set the progress of the current step."""
    if steps := _steps.get():
        steps[-1].reached = text


def current_step() -> str:
    """Title of the current or last step if it has not succeeded, or empty."""
    steps = _steps.get()
    return steps[-1].title if steps and steps[-1].failed else ""


def steps_since_last_report() -> str:
    """The table of the steps since the last call, including the current one."""
    steps = _steps.get()
    if steps is None:
        return ""
    table = steps_table(steps, time.monotonic())
    steps.clear()
    return table
