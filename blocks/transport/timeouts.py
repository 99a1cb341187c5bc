"""Time-outs for file servers: connecting, one answer, a listing, a transfer."""

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
    """Seconds for each step of connecting, for data or one answer, and for one transfer."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    transfer: float = TRANSFER_SECONDS

    @property
    def listing(self) -> float:
        """Seconds for the listing of one folder."""
        return min(self.transfer, LISTING_SECONDS)


class OutOfTime(TimeoutError):
    """An operation exceeded its total time and was ended by us."""


class Deadline:
    """The time limit of many short operations together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds

    def check(self) -> None:
        """Raise OutOfTime once the time is used up."""
        if time.monotonic() > self._ends_at:
            raise OutOfTime(f"no end after {self._seconds:g} seconds")


@contextmanager
def ended_after(seconds: float, cut: Callable[[], None], setting: str) -> Iterator[None]:
    """Limit the total time of one operation, even if the server keeps sending.

    `cut` closes the connection; it is called from another thread, so that it ends any wait inside
    a library. OutOfTime is raised then and names the `setting` to raise.
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
