"""How long one call may be repeated, and how long to wait in between."""

import random
import time
from collections.abc import Callable

from blocks.errors import MailUpUnavailable

MAX_ATTEMPTS = 4
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 20.0
# MailUp counts calls per second and sends no Retry-After: anything shorter is refused again.
THROTTLED_WAIT_SECONDS = 1.0


class RetryBudget:
    """Bounds of one call: attempts and total time for failures, waiting time for 429."""

    def __init__(
        self,
        *,
        retry_seconds: float,
        throttled_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._deadline = clock() + retry_seconds
        self._throttled_left = throttled_seconds
        self._failures = 0
        self._refusals = 0

    def after_failure(self, failure: MailUpUnavailable) -> None:
        """Wait before the next attempt, or raise *failure* when the bounds are used up."""
        self._failures += 1
        wait = min(FIRST_WAIT_SECONDS * 2 ** (self._failures - 1), LONGEST_WAIT_SECONDS)
        wait = _jittered(wait)
        if self._failures >= MAX_ATTEMPTS or self._clock() + wait > self._deadline:
            raise failure
        self._sleep(wait)

    def after_throttle(self, failure: MailUpUnavailable) -> None:
        """Wait out the rate limit, or raise *failure* when waiting took too long already."""
        # Runs that collide should not come back at the same moment: the wait grows and varies.
        wait = _jittered(min(THROTTLED_WAIT_SECONDS * 1.5**self._refusals, LONGEST_WAIT_SECONDS))
        self._refusals += 1
        if wait > self._throttled_left:
            raise failure
        self._throttled_left -= wait
        self._sleep(wait)


def _jittered(seconds: float) -> float:
    """*seconds* and up to half as much more."""
    return seconds * (1.0 + random.random() / 2)  # noqa: S311 - spreads load, guards no secret
