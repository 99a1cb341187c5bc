"""Prefetching does not change the items or their order."""

import threading
import time
from collections.abc import Iterator

import pytest

from tasks.files.prefetch import consume_behind, prefetched


def test_items_come_in_order_and_the_next_one_is_made_meanwhile() -> None:
    """While an item is used, only the next one is made."""
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    seen = []
    for item in prefetched(items()):
        deadline = time.monotonic() + 5
        while len(made) < min(item + 2, 5) and time.monotonic() < deadline:
            time.sleep(0.001)
        seen.append((item, len(made)))

    assert seen == [(0, 2), (1, 3), (2, 4), (3, 5), (4, 5)]


def test_an_error_comes_where_its_item_would_have_come() -> None:
    """What was made before an error is used, and the error is not lost."""

    def items() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    working = prefetched(items())
    assert next(working) == 1
    with pytest.raises(ValueError, match="two"):
        next(working)


def test_who_stops_early_leaves_no_thread() -> None:
    """A step that fails in the middle does not leave the one before it at work."""
    before = threading.active_count()
    working = prefetched(iter(range(100)))
    next(working)
    working.close()  # type: ignore[attr-defined]

    assert threading.active_count() == before


def test_items_are_used_in_order_while_the_next_one_is_made() -> None:
    """One item is in use and one is made, never more: what waits in memory is bounded."""
    used: list[int] = []
    made_when: list[int] = []
    go_on = threading.Semaphore(0)

    def items() -> Iterator[int]:
        for number in range(4):
            made_when.append(len(used))
            yield number
            go_on.release()

    def use(item: int) -> None:
        assert go_on.acquire(timeout=5)  # the next one is being made
        used.append(item)

    consume_behind(items(), use)
    assert used == [0, 1, 2, 3]
    assert all(number - done <= 2 for number, done in enumerate(made_when))


def test_an_error_of_the_use_ends_the_making() -> None:
    """What cannot be written is not read any further, and the error is not lost."""
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    def use(item: int) -> None:
        raise ValueError(f"item {item}")

    before = threading.active_count()
    with pytest.raises(ValueError, match="item 0"):
        consume_behind(items(), use)
    assert made == [0, 1]
    assert threading.active_count() == before
