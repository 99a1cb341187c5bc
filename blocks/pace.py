"""The rate limit that all runs of an account share, kept by Prefect."""

import threading
import time
from collections import deque
from collections.abc import Callable

import httpx
from prefect.client.orchestration import get_client

from blocks.errors import MailUpUnavailable, RetryableError
from blocks.ledger.calls import Calls

RATE_LIMIT_WAIT_SECONDS = 120.0
LATENCY_SAMPLES = 20
"""How many of Prefect's latest response times the lowest latency is taken from."""
LATENCY_SHARE = 0.8
"""Share of that latency that is used: the fastest request and the fastest response may belong to
different calls."""
SLACK_SECONDS = 0.01
"""Added to the interval between two runs' calls: the second request may travel faster."""
LOCKED = 423
"""Prefect's HTTP status when no slot is free."""


class SharedPace:
    """Waits for a slot of the account's rate limit in Prefect before each call.

    Prefect restarts the wait at each refused request and spreads retries at random, so competing
    runs take calls from each other. Runs that share a ledger therefore reserve their times there
    (`calls`). Without a ledger, or when it is unavailable, Prefect alone decides.
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
        self._latencies = deque([0.0], maxlen=LATENCY_SAMPLES)

    def __call__(self) -> None:
        """Wait for a slot. Raises `MailUpUnavailable` when there is none in time."""
        with self._lock:
            end = self._clock() + RATE_LIMIT_WAIT_SECONDS
            # The slot is free one interval after the last response, and earlier by the latency:
            # the lowest of the latest calls, 0 if one of them was refused or slow.
            free = self._last + self._interval - LATENCY_SHARE * min(self._latencies)
            while (retry_after := self._request(free)) is not None:
                free = self._last + retry_after
                if free > end:
                    raise _no_slot(self._name)

    def _request(self, free: float) -> float | None:
        """Request a slot at our turn; None, or the seconds to wait if there is none."""
        self._sleep(self._reserved(max(0.0, free - self._clock())))
        started = self._clock()
        retry_after = request_slot(self._name)
        self._last = self._clock()
        latency = self._last - started
        fast = retry_after is None and latency < self._interval / 2
        self._latencies.append(latency if fast else 0.0)
        return retry_after

    def _reserved(self, soonest: float) -> float:
        """Seconds until our turn."""
        if self._calls is None:
            return soonest
        try:
            return self._calls.reserve(self._interval + SLACK_SECONDS, soonest=soonest)
        except RetryableError:  # a call needs no ledger; steps that do report it themselves
            self._calls = None
            return soonest


def request_slot(name: str) -> float | None:
    """Request a slot of a rate limit once: None, or the seconds to wait if there is none.

    Prefect's client retries transient errors. Raises `MailUpUnavailable` if there is no such
    limit, or no answer.
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
