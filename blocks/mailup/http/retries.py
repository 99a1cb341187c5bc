"""Retries of one call: how many, how long, and the waits in between."""

import random
import time
from collections.abc import Callable

from blocks.errors import MailUpUnavailable, SyncError

MAX_ATTEMPTS = 4
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 20.0
# MailUp counts calls per second and sends no Retry-After: a shorter wait is refused again.
THROTTLED_WAIT_SECONDS = 1.0


class RetryBudget:
    """Limits of one call: attempts and total time after failures, waiting time after 429."""

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
        """Wait before the next attempt, or raise *failure* if the limits are reached."""
        self._failures += 1
        wait = min(FIRST_WAIT_SECONDS * 2 ** (self._failures - 1), LONGEST_WAIT_SECONDS)
        wait = _jittered(wait)
        if self._failures >= MAX_ATTEMPTS or self._clock() + wait > self._deadline:
            raise failure
        self._sleep(wait)

    def after_throttle(self, failure: SyncError) -> None:
        """Wait for the rate limit, or raise *failure* if that has taken too long."""
        # Colliding runs should not retry at the same moment: the wait grows and varies.
        wait = _jittered(min(THROTTLED_WAIT_SECONDS * 1.5**self._refusals, LONGEST_WAIT_SECONDS))
        self._refusals += 1
        if wait > self._throttled_left:
            raise failure
        self._throttled_left -= wait
        self._sleep(wait)


def _jittered(seconds: float) -> float:
    """*seconds* plus up to a half."""
    return seconds * (1.0 + random.random() / 2)  # noqa: S311 - spreads load, guards no secret
