"""Calls per rolling second of the account, or of each resource.

Chosen: refused calls do not count (a setting makes them count); the token endpoint is not limited.
"""

import threading
import time
from collections import deque

from sandbox.mailup.settings import Settings
from sandbox.mailup.wire import ApiError

WINDOW_SECONDS = 1.0


def too_many(limit: int, actual: int) -> ApiError:
    """The documented 429; its `ErrorName` is null and there is no Retry-After."""
    return ApiError(
        429,
        "Authorization error (too_many_requests): Too many requests. "
        f"Max:{limit} calls per second , actual:{actual}.",
        name=None,
    )


class RateLimit:
    """Counts calls; `admit` raises ApiError 429 for a call too many."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._calls: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def admit(self, resource: str) -> None:
        """Count one call of `resource` now."""
        limit = self._settings.calls_per_second
        if not limit:
            return
        with self._lock:
            moment = time.monotonic()
            key = resource if self._settings.per_resource else ""
            calls = self._calls.setdefault(key, deque())
            while calls and moment - calls[0] >= WINDOW_SECONDS:
                calls.popleft()
            full = len(calls) >= limit
            if not full or self._settings.count_refused_calls:
                calls.append(moment)
            if full:
                raise too_many(limit, len(calls) + (not self._settings.count_refused_calls))
