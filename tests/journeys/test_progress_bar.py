"""The progress bar of a long step."""

import time
from typing import Any

from prefect import flow

from tasks.runs.progress import Progress
from tests.journeys.harness.artifacts import newest


@flow
def long_step() -> None:
    """Three parts, the first after the interval and the others soon after it."""
    progress = Progress("acme-long-step", "parts are done", every_seconds=1)
    time.sleep(1.1)
    for done in (1, 2, 3):
        progress.set(done, 3)


@flow
def short_step() -> None:
    """Three parts within the interval."""
    progress = Progress("acme-short-step", "parts are done")
    for done in (1, 2, 3):
        progress.set(done, 3)


@flow
def counted_step(expected: int) -> None:
    """Two pages of three rows each."""
    progress = Progress(f"acme-step-{expected}", "rows are read", every_seconds=0)
    progress.expect(expected)
    assert list(progress.counted(["abc", "abc"])) == ["abc", "abc"]


def bars(key: str) -> list[Any]:
    """All versions of an artifact that the Prefect server holds."""
    return [artifact.data for artifact in newest(key, 10)]


def test_a_long_step_shows_one_bar_that_ends_full() -> None:
    """The bar is brought up to date, not shown again for each part, and ends at 100 percent."""
    long_step()
    assert bars("acme-long-step") == [100.0]


def test_a_step_that_is_over_soon_shows_no_bar() -> None:
    """A step of some seconds has no bar."""
    short_step()
    assert bars("acme-short-step") == []


def test_rows_that_are_counted_move_the_bar() -> None:
    """It never exceeds 100 percent; without an expected number there is no bar."""
    for expected in (12, 4, 0):
        counted_step(expected)
    assert (bars("acme-step-12"), bars("acme-step-4"), bars("acme-step-0")) == ([50.0], [100.0], [])
