"""A run on a machine with a full disk."""

from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.runs.failure import reports_failure
from tasks.runs.retrying import retried_task


def fill(agreement: dict[str, Any]) -> None:
    """Write to a full device."""
    Path("/dev/full").write_text(str(agreement), encoding="utf-8")


write = retried_task("write", "write a file")(fill)


@flow(name="fills-the-disk")
@reports_failure
def fills_the_disk(agreement: dict[str, Any], within_a_task: bool) -> State[None]:
    """Writes in one of its tasks, or between them."""
    (write if within_a_task else fill)(agreement)
    return Completed()


@pytest.mark.parametrize(("within_a_task", "step"), [(True, "write a file: "), (False, "")])
def test_a_full_disk_is_reported_with_its_place_and_its_remedy(
    monkeypatch: Any, within_a_task: bool, step: str
) -> None:
    """Not reported as a defect: the message says where disk space is needed."""
    monkeypatch.setenv("MAILUP_EXCHANGE_SCRATCH", "/tmp")
    agreement = {"client": "acme"}
    state = fills_the_disk(agreement, within_a_task, return_state=True)
    assert state.is_failed()
    assert state.message == (
        f"{step}The disk of this worker is full: a file of the run in /tmp could not be written. "
        "Free space there, or set MAILUP_EXCHANGE_SCRATCH to a folder with more. Free "
        "disk space, then run this again or wait for the next run, which continues."
    )
