"""The pace that all runs of an account share: Prefect's rate limit, asked at the right moment."""

import threading
import time
from collections import deque
from collections.abc import Callable

import httpx
from prefect.client.orchestration import get_client

from blocks.errors import MailUpUnavailable, RetryableError
from blocks.ledger.calls import Calls

RATE_LIMIT_WAIT_SECONDS = 120.0
ANSWERS_LOOKED_AT = 20
"""So many of Prefect's latest answers tell how long one is on its way at least."""
SURELY_ON_ITS_WAY = 0.8
"""Of that, for the quickest question and the quickest answer need not be of the same pair."""
SLACK_SECONDS = 0.01
"""Between the calls of two runs beside the interval: the second's question may be the quicker."""
LOCKED = 423
"""Prefect's answer where no slot is free."""


class SharedPace:
    """The pace of all runs of an account. Prefect's rate limit grants each call.

    Prefect counts a refused request as a fresh start of the wait, and has who was refused ask
    again at random: runs that ask as they please take calls from each other. So those that share
    a ledger reserve their moments there (`calls`). Without a ledger, or when it is away, Prefect
    alone decides.
    """

    def __init__(
        self,
        name: str,
        calls_per_second: float,
        calls: Calls | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name = name
        self._interval = 1.0 / calls_per_second
        self._calls = calls
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._last = float("-inf")
        self._took = deque([0.0], maxlen=ANSWERS_LOOKED_AT)

    def __call__(self) -> None:
        """Wait for a slot. Raises `MailUpUnavailable` when there is none in time."""
        with self._lock:
            end = self._clock() + RATE_LIMIT_WAIT_SECONDS
            # Counted from the last answer, this run's own slot is surely free. So it is earlier
            # by what question and answer are on their way, the quickest of the latest; after one
            # that was refused or slow no longer.
            free = self._last + self._interval - SURELY_ON_ITS_WAY * min(self._took)
            while (refused := self._asked(free)) is not None:
                free = self._last + refused
                if free > end:
                    raise _no_slot(self._name)

    def _asked(self, free: float) -> float | None:
        """Ask when it is our turn; where there is no slot, after how many seconds to ask again."""
        self._sleep(self._reserved(max(0.0, free - self._clock())))
        asked = self._clock()
        refused = ask_for_slot(self._name)
        self._last = self._clock()
        took = self._last - asked
        quick = refused is None and took < self._interval / 2
        self._took.append(took if quick else 0.0)
        return refused

    def _reserved(self, soonest: float) -> float:
        """Seconds until our turn."""
        if self._calls is None:
            return soonest
        try:
            return self._calls.reserve(self._interval + SLACK_SECONDS, soonest=soonest)
        except RetryableError:  # what needs the ledger says so; a call does not
            self._calls = None
            return soonest


def ask_for_slot(name: str) -> float | None:
    """Ask Prefect once for a slot of a rate limit: None, or after how many seconds to ask again.

    Prefect's client repeats what meets a passing fault. Raises `MailUpUnavailable` where there is
    no such limit, or no answer.
    """
    try:
        with get_client(sync_client=True) as client:
            answer = client.increment_concurrency_slots([name], slots=1, mode="rate_limit")
    except httpx.HTTPStatusError as error:
        if error.response.status_code == LOCKED:
            return float(error.response.headers["Retry-After"])
        raise _no_slot(name) from error
    except httpx.HTTPError as error:
        raise _no_slot(name) from error
    if not answer.json():
        raise _no_slot(name)
    return None


def _no_slot(name: str) -> MailUpUnavailable:
    return MailUpUnavailable(
        "Prefect did not give a slot of the account's rate limit: check the Prefect "
        f"server and its concurrency limit {name}.",
        sent=False,
    )
