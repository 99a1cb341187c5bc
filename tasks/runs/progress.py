"""Progress of a long step, as a bar on the run's page and a line in its log."""

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar, cast
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from tasks.runs import steps

S = TypeVar("S", bound=Sized)

EVERY_SECONDS = 15.0
"""Interval of reports; a shorter step shows no bar."""


class Progress:
    """The bar of one step: `key` names it (lower case, digits, dashes), `what` is counted."""

    def __init__(self, key: str, what: str, every_seconds: float = EVERY_SECONDS) -> None:
        self._key, self._what, self._every = key, what, every_seconds
        self._reported = time.monotonic()
        self._artifact: UUID | None = None
        self._expected = self._done = 0

    def expect(self, number: int) -> None:
        """Add to the expected number."""
        self._expected += number

    def add(self, number: int) -> None:
        """Add to the number done; reported only if a number is expected.

        More may come than were counted before.
        """
        self._done += number
        if self._expected:
            self.set(min(self._done, self._expected), self._expected)

    def counted(self, pages: Iterable[S]) -> Iterator[S]:
        """Yield pages; the items of one are done when the next is requested."""
        for page in pages:
            yield page
            self.add(len(page))

    def set(self, done: int, total: int) -> None:
        """Set the progress; may be called often."""
        steps.set_progress(f"{done} of {total} {self._what}")
        last = done == total and self._artifact is not None
        if time.monotonic() - self._reported < self._every and not last:
            return
        self._reported = time.monotonic()
        get_run_logger().info("%d of %d %s", done, total, self._what)
        share = 100 * done / total
        if self._artifact is None:
            self._artifact = cast(UUID, create_progress_artifact(share, self._key, self._what))
        else:
            update_progress_artifact(self._artifact, share, self._what)
