"""The local pace."""

import threading

import pytest

from blocks.mailup.http.pacing import Pacer


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_calls_are_spaced() -> None:
    """Calls go out one interval apart, the first at once."""
    clock = Clock()
    pace = Pacer(4, clock=clock, sleep=clock.sleep)
    moments = []
    for _ in range(9):
        pace()
        moments.append(clock.now - 100)
    assert moments == [number * 0.25 for number in range(9)]


def test_an_idle_time_gives_no_burst() -> None:
    """A long pause allows no burst."""
    clock = Clock()
    pace = Pacer(4, clock=clock, sleep=clock.sleep)
    pace()
    clock.now += 60
    moments = []
    for _ in range(3):
        pace()
        moments.append(clock.now - 160)
    assert moments == [0, 0.25, 0.5]


def test_threads_share_the_pace() -> None:
    """Each of several threads gets a slot of its own."""
    slept: list[float] = []
    pace = Pacer(10, clock=lambda: 0.0, sleep=slept.append)
    threads = [threading.Thread(target=pace) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == pytest.approx([number / 10 for number in range(1, 20)])


def test_a_pace_of_zero_is_refused() -> None:
    """A pace of zero is refused."""
    with pytest.raises(ValueError, match="greater than 0"):
        Pacer(0)
