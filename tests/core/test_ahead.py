"""Working ahead changes when items are made, never which, nor in which order."""

import threading
import time
from collections.abc import Iterator

import pytest

from tasks.records.ahead import ahead


def test_items_come_in_order_and_the_next_one_is_made_meanwhile() -> None:
    """While an item is used the next is made, and no more than that."""
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    seen = []
    for item in ahead(items()):
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

    working = ahead(items())
    assert next(working) == 1
    with pytest.raises(ValueError, match="two"):
        next(working)


def test_who_stops_early_leaves_no_thread() -> None:
    """A step that fails in the middle does not leave the one before it at work."""
    before = threading.active_count()
    working = ahead(iter(range(100)))
    next(working)
    working.close()  # type: ignore[attr-defined]

    assert threading.active_count() == before
