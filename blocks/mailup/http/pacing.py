"""Local rate limit: calls of one process are spaced evenly, without bursts."""

import threading
import time
from collections.abc import Callable


class Pacer:
    """Call it before each request; it waits until the request may be sent. Thread-safe."""

    def __init__(
        self,
        calls_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if calls_per_second <= 0:
            raise ValueError("calls_per_second must be greater than 0")
        self._interval = 1.0 / calls_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = float("-inf")

    def __call__(self) -> None:
        """Wait for the next free slot; each caller gets a slot of its own."""
        with self._lock:
            now = self._clock()
            slot = max(now, self._next)
            self._next = slot + self._interval
        if slot > now:
            self._sleep(slot - now)
