"""Waiting in tests: for a condition, never for some time."""

import time
from collections.abc import Callable
from typing import TypeVar

LOOK_SECONDS = 0.005
Found = TypeVar("Found")


def until(
    met: Callable[[], Found], what: str, *, seconds: float = 20.0, every: float = LOOK_SECONDS
) -> Found:
    """What `met` answers once that is true; AssertionError with `what` after so many seconds."""
    end = time.monotonic() + seconds
    while not (found := met()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)
    return found


def next_second(*, after: float | None = None) -> None:
    """Return in a later second than `after` (now): windows of exports end on whole seconds."""
    began = int(time.time() if after is None else after)
    until(lambda: int(time.time()) > began, "the next second")
