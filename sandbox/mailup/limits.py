"""Calls per rolling second. Chosen: the token endpoint is not limited."""

import threading
import time
from collections import deque
from datetime import timedelta
from email.utils import format_datetime

from sandbox.mailup.clock import now
from sandbox.mailup.settings import Settings
from sandbox.mailup.wire import ApiError

WINDOW_SECONDS = 1.0


def too_many(settings: Settings, actual: int) -> ApiError:
    """The documented 429; its `ErrorName` is null."""
    return ApiError(
        int(settings.rate_limit_status),
        "Authorization error (too_many_requests): Too many requests. "
        f"Max:{settings.calls_per_second} calls per second , actual:{actual}.",
        name=None,
        headers=_retry_after(settings.retry_after),
    )


def _retry_after(form: str) -> dict[str, str]:
    if form == "absent":
        return {}
    date = format_datetime(now() + timedelta(seconds=1), usegmt=True)
    return {"Retry-After": "1" if form == "seconds" else date}


class RateLimit:
    """Counts calls; `admit` raises ApiError 429 for a call over the limit."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._calls: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Reset the count."""
        with self._lock:
            self._calls.clear()

    def admit(self, resource: str, token: str) -> None:
        """Count one call of `resource`."""
        limit = self._settings.calls_per_second
        if not limit:
            return
        with self._lock:
            moment = time.monotonic()
            key = {"account": "", "user": token, "resource": resource}[self._settings.rate_limit]
            calls = self._calls.setdefault(key, deque())
            while calls and moment - calls[0] >= WINDOW_SECONDS:
                calls.popleft()
            full = len(calls) >= limit
            if not full or self._settings.count_refused_calls:
                calls.append(moment)
            if full:
                raise too_many(
                    self._settings, len(calls) + (not self._settings.count_refused_calls)
                )
