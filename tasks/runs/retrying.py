"""The retry policy of tasks: which errors, how often, with which delays."""

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

RETRIES = 4
_FIRST_WAIT_SECONDS = 4


def may_be_repeated(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether the error of an attempt is marked as temporary.

    Other errors are defects or wrong settings: a retry would hide them or, with a wrong password,
    lock an account.
    """
    try:
        state.result()
    except SyncError as error:
        return error.retry
    except Exception:
        return False
    return False


def _shown_name(pattern: str) -> Callable[..., str]:
    """A function that formats the name of a task run, with control characters made visible."""

    def name(parameters: Mapping[str, Any]) -> str:
        return in_line(pattern.format(**parameters))

    return name


def retried_task(
    name: str, run_name: str | None = None, *, retries: int = RETRIES
) -> Callable[[Callable[_P, _R]], Task[_P, _R]]:
    """Decorator of all tasks: a named unit of retry, measured as a step."""
    decorator: Callable[[Callable[_P, _R]], Task[_P, _R]] = task(
        name=name,
        task_run_name=_shown_name(run_name) if run_name else None,
        retries=retries,
        retry_delay_seconds=exponential_backoff(_FIRST_WAIT_SECONDS),
        retry_jitter_factor=0.5,
        retry_condition_fn=may_be_repeated,
        # The ledger records what has been done. Stored results would outlive the run, and cached
        # ones would skip a file that was sent again.
        persist_result=False,
        cache_policy=NO_CACHE,
    )

    def decorate(work: Callable[_P, _R]) -> Task[_P, _R]:
        return decorator(measured_step(name)(work))

    return decorate
