"""Producer and consumer in two threads: an item is made while the previous one is used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def prefetched(items: Iterable[_Item], *, most: int = 1) -> Iterator[_Item]:
    """Yield the same items in the same order; up to `most` of them are made in advance.

    polars releases Python's lock, so two steps can use two cores. An exception of `items` is raised
    in place of its item.
    """
    source, end = iter(items), object()
    with ThreadPoolExecutor(1) as thread:
        waiting: deque[Future[_Item | object]] = deque()
        waiting.extend(thread.submit(next, source, end) for _ in range(most))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, source, end))
            yield item  # type: ignore[misc]


def consume_behind(items: Iterable[_Item], use: Callable[[_Item], None]) -> None:
    """Use each item in another thread while the next one is made in this one.

    At most one item waits. An exception of `use` is raised when the next item has been made; after
    an exception no item is in use.
    """
    with ThreadPoolExecutor(1) as thread:
        used: Future[None] | None = None
        for item in items:
            if used is not None:
                used.result()
            used = thread.submit(use, item)
        if used is not None:
            used.result()
