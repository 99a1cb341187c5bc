"""Failure of a run: message, artifact and log."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.exceptions import FailedRun
from prefect.runtime import flow_run
from prefect.states import Failed

from blocks.errors import SyncError
from blocks.errors.shown import in_markdown, visible
from tasks.runs.steps import as_sync_error, current_step, measured, steps_since_last_report
from tasks.texts.failure import failure_message, failure_summary

_P = ParamSpec("_P")
TASK_LOGGER = "prefect.task_runs"
NAMES = ("server", "account", "ledger")
"""Fields of an agreement with names of blocks."""


def reports_failure(work: Callable[_P, State[None]]) -> Callable[_P, State[None]]:
    """Decorator of the work of a flow: measures its steps, and turns an error into a Failed state.

    An unexpected error is reported by type and location.
    """

    @wraps(work)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> State[None]:
        with measured():
            try:
                return work(*args, **kwargs)
            except Exception as error:
                reported = as_sync_error(error)
                return Failed(message=_report(reported), data=reported)

    return run


def _report(error: SyncError) -> str:
    """Report an error as artifact and log line; return its message."""
    message = failure_message(error, current_step())
    agreed = flow_run.parameters["agreement"]
    known = agreed if isinstance(agreed, dict) else agreed.model_dump()
    blocks = [f"{name} {known[name]}" for name in NAMES if known.get(name)]
    create_markdown_artifact(
        key=f"{known['client']}-{flow_run.flow_name}",
        markdown=failure_summary(
            f"{flow_run.flow_name}: {flow_run.name}", message, steps_since_last_report(), blocks
        ),
        description=in_markdown(message),
    )
    get_run_logger().error(message)
    return message


class _WithoutTraceback(logging.Filter):
    """Removes tracebacks of the project's errors, whose messages are complete.

    For a flow run Prefect would log only the traceback, and call the error unexpected.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.exc_info or not isinstance(record.exc_info[1], SyncError | FailedRun):
            return True
        record.exc_info = None
        return record.name == TASK_LOGGER


class _Visible(logging.Filter):
    """Makes control characters in names visible, so that a log line stays one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = visible(str(record.msg), lines=True)
        if isinstance(record.args, tuple):
            record.args = tuple(
                visible(each) if isinstance(each, str) else each for each in record.args
            )
        return True


for _name in (TASK_LOGGER, "prefect.flow_runs", "prefect.engine"):
    logging.getLogger(_name).addFilter(_WithoutTraceback())
    logging.getLogger(_name).addFilter(_Visible())
