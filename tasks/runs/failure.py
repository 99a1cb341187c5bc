"""Failing: what a run tells that cannot go on: where, what, what next, and what was done so far."""

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
"""Names of blocks in an agreement, which a failure may be about."""


def reports_failure(work: Callable[_P, State[None]]) -> Callable[_P, State[None]]:
    """Decorator of what a flow does: its steps are measured, and an error ends in plain words.

    They are the message of a Failed state. An error that is not ours is told by kind and place.
    """

    @wraps(work)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> State[None]:
        with measured():
            try:
                return work(*args, **kwargs)
            except Exception as error:
                known = as_sync_error(error)
                return Failed(message=_shown(known), data=known)

    return run


def _shown(error: SyncError) -> str:
    """The sentence about an error, once the run's page shows what was done until then."""
    told = failure_message(error, current_step())
    agreed = flow_run.parameters["agreement"]
    known = agreed if isinstance(agreed, dict) else agreed.model_dump()
    blocks = [f"{name} {known[name]}" for name in NAMES if known.get(name)]
    create_markdown_artifact(
        key=f"{known['client']}-{flow_run.flow_name}",
        markdown=failure_summary(
            f"{flow_run.flow_name}: {flow_run.name}", told, steps_since_last_report(), blocks
        ),
        description=in_markdown(told),
    )
    get_run_logger().error(told)
    return told


class _Plain(logging.Filter):
    """Our errors say where and what next: pages of a traceback would only hide it.

    Of a run, Prefect logs no more than the traceback, and calls the error unexpected.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.exc_info or not isinstance(record.exc_info[1], SyncError | FailedRun):
            return True
        record.exc_info = None
        return record.name == TASK_LOGGER


class _Shown(logging.Filter):
    """What others have named is written into a log so that it is seen, and stays in its line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = visible(str(record.msg), lines=True)
        if isinstance(record.args, tuple):
            record.args = tuple(
                visible(each) if isinstance(each, str) else each for each in record.args
            )
        return True


for _name in (TASK_LOGGER, "prefect.flow_runs", "prefect.engine"):
    logging.getLogger(_name).addFilter(_Plain())
    logging.getLogger(_name).addFilter(_Shown())
