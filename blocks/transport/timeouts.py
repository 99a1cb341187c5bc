"""How long to wait for a file server: to connect, for an answer, a listing, a transfer."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

CONNECT_SECONDS = 20.0
READ_SECONDS = 60.0
TRANSFER_SECONDS = 4 * 3600.0
LISTING_SECONDS = 900.0
CLOSE_SECONDS = 2.0


@dataclass(frozen=True)
class Timeouts:
    """Seconds for each step of connecting, for silence and for one answer, for one transfer."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    transfer: float = TRANSFER_SECONDS

    @property
    def listing(self) -> float:
        """Seconds for the names of one folder."""
        return min(self.transfer, LISTING_SECONDS)


class OutOfTime(TimeoutError):
    """An operation was ended by us, although the other side may still have been sending."""


class Clock:
    """The end of something that is done in many short operations."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds

    def check(self) -> None:
        """OutOfTime once the time is used up."""
        if time.monotonic() > self._ends_at:
            raise OutOfTime(f"no end after {self._seconds:g} seconds")


@contextmanager
def ended_after(seconds: float, cut: Callable[[], None], setting: str) -> Iterator[None]:
    """Bound one operation as a whole, however slowly and steadily the other side answers.

    `cut` ends the connection; it is called from another thread, so that no wait inside a library
    outlasts it. OutOfTime then, which names the `setting` that allows more.
    """
    over = threading.Event()

    def end() -> None:
        over.set()
        cut()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        if not over.is_set():
            raise
    finally:
        timer.cancel()
    if over.is_set():
        raise OutOfTime(f"no end after {seconds:g} seconds, see {setting}")
