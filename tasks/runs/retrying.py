"""The one place that decides what is retried, how often, and how long the waits are."""

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import exponential_backoff

from blocks.errors import SyncError
from blocks.errors.shown import in_line
from tasks.runs.steps import measured_step

_P = ParamSpec("_P")
_R = TypeVar("_R")

ATTEMPTS_AFTER_THE_FIRST = 4
_FIRST_WAIT_SECONDS = 4


def may_be_repeated(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether the error that ended an attempt says of itself that the step may work in a moment.

    Unknown errors are defects or settings: repeating them would only hide them, or, with a wrong
    password, lock an account.
    """
    try:
        state.result()
    except SyncError as error:
        return error.retry
    except Exception:
        return False
    return False


def _shown_name(pattern: str) -> Callable[..., str]:
    """The name of a task run, in which files and folders are shown as text."""

    def name(parameters: Mapping[str, Any]) -> str:
        return in_line(pattern.format(**parameters))

    return name


def retried_task(
    name: str, run_name: str | None = None, *, retries: int = ATTEMPTS_AFTER_THE_FIRST
) -> Callable[[Callable[_P, _R]], Task[_P, _R]]:
    """Decorator of every task of the project: a named unit of retry, measured as a step."""
    made: Callable[[Callable[_P, _R]], Task[_P, _R]] = task(
        name=name,
        task_run_name=_shown_name(run_name) if run_name else None,
        retries=retries,
        retry_delay_seconds=exponential_backoff(_FIRST_WAIT_SECONDS),
        retry_jitter_factor=0.5,
        retry_condition_fn=may_be_repeated,
        # Results would put paths and counts of one run into storage that outlives it; what has
        # been done is in the ledger, and inputs must never be compared to skip a step: a file may
        # be the same and still be due.
        persist_result=False,
        cache_policy=NO_CACHE,
    )

    def decorate(work: Callable[_P, _R]) -> Task[_P, _R]:
        return made(measured_step(name)(work))

    return decorate
