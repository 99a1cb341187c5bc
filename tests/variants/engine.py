"""Runs the product's flows without Prefect's engine and server, in this process.

Flows, tasks and blocks are the real ones: tasks are called in the order of their flow, and repeated
as they are set up. What is left out is Prefect's: its server's book-keeping, artifacts, and waits.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from prefect import Flow, Task
from prefect.blocks.core import Block
from prefect.exceptions import ObjectNotFound
from prefect.logging import disable_run_logger
from prefect.runtime import flow_run
from pytest import MonkeyPatch

import blocks.accounts
import tasks.connections.check
import tasks.imports.submit
from blocks.mailup.client import MailUpClient
from flows.check_connections import check_connections
from flows.export_cumulative import export_cumulative
from flows.export_email_statistics import export_email_statistics
from flows.export_sms_outcomes import export_sms_outcomes
from flows.export_subscribed import export_subscribed
from flows.export_unsubscribed import export_unsubscribed
from flows.import_recipients import import_recipients
from tasks.runs.retrying import _FIRST_WAIT_SECONDS, may_be_repeated

FLOWS: dict[str, Flow[..., Any]] = {
    flow.name: flow
    for flow in (
        check_connections, import_recipients, export_unsubscribed, export_email_statistics,
        export_cumulative, export_sms_outcomes, export_subscribed,
    )
}  # fmt: skip

SHARE_OF_A_WAIT = 1 / 50
"""The factor of all waits; the emulator's delays are shortened as much."""


@dataclass(frozen=True)
class Ending:
    """How a task or a flow ended: its result or its error."""

    answer: Any = None
    error: Exception | None = field(default=None, repr=False)

    def result(self, *, raise_on_failure: bool = True) -> Any:
        """The result, as Prefect's State has it."""
        if self.error is not None and raise_on_failure:
            raise self.error
        return self.error or self.answer


def called(task: Task[..., Any], *args: Any, return_state: bool = False, **kwargs: Any) -> Any:
    """A task as Prefect calls it: repeated where its error allows that."""
    ending = _attempted(task, *args, **kwargs)
    for waited in range(task.retries):
        if ending.error is None or not may_be_repeated(task, None, ending):  # type: ignore[arg-type]
            break
        wait(_FIRST_WAIT_SECONDS * 2**waited)
        ending = _attempted(task, *args, **kwargs)
    return ending if return_state else ending.result()


def _attempted(task: Task[..., Any], *args: Any, **kwargs: Any) -> Ending:
    try:
        return Ending(task.fn(*args, **kwargs))
    except Exception as error:
        return Ending(error=error)


def run(name: str, parameters: Mapping[str, Any]) -> Any:
    """The state that a flow ends in, its parameters checked as those of a deployment are."""
    flow = FLOWS[name]
    with MonkeyPatch.context() as patch:
        patch.setattr(flow_run, "parameters", dict(parameters), raising=False)
        patch.setattr(flow_run, "flow_name", name, raising=False)
        return flow.fn(**flow.validate_parameters(dict(parameters)))


def wait(seconds: float) -> None:
    """Wait for a fraction of the time."""
    time.sleep(seconds * SHARE_OF_A_WAIT)


class _NoServer:
    """An empty Prefect server, for checks."""

    def __enter__(self) -> "_NoServer":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was opened."""

    def __getattr__(self, _: str) -> Callable[..., Any]:
        return self._missing

    def _missing(self, *_: object, **__: object) -> Any:
        raise ObjectNotFound(Exception("nothing is kept"))


@contextmanager
def without_prefect() -> Iterator[dict[tuple[str, str], Block]]:
    """Call flows with `run` inside; the blocks that they name are put into the dictionary, by slug
    and name."""
    kept: dict[tuple[str, str], Block] = {}
    with MonkeyPatch.context() as patch, disable_run_logger():
        patch.setattr(Task, "__call__", called)
        patch.setattr(Block, "load", classmethod(lambda kind, name: _loaded(kept, kind, name)))
        patch.setattr(Block, "save", lambda block, name, **_: _save(kept, block, name))
        for name, module in list(sys.modules.items()):
            if name.startswith("tasks."):
                for artifact in ("create_markdown_artifact", "create_progress_artifact"):
                    patch.setattr(module, artifact, _nothing, raising=False)
        patch.setattr(tasks.connections.check, "get_client", lambda **_: _NoServer())
        patch.setattr(blocks.accounts, "MailUpClient", partial(MailUpClient, sleep=wait))
        patch.setattr(
            tasks.imports.submit,
            "BatchSender",
            partial(tasks.imports.submit.BatchSender, sleep=wait),  # type: ignore[attr-defined]
        )
        yield kept


def _nothing(*_: object, **__: object) -> None:
    """No artifact."""


def _loaded(kept: Mapping[tuple[str, str], Block], kind: type[Block], name: str) -> Block:
    key = (kind.get_block_type_slug(), name)
    if key not in kept:
        raise ValueError(f"no block {key}")
    found = kept[key].model_copy()
    found._block_document_name = name
    return found


def _save(kept: dict[tuple[str, str], Block], block: Block, name: str) -> None:
    kept[type(block).get_block_type_slug(), name] = block
