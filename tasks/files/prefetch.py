"""Two steps at a time: one item is made while the one before it is used, in two threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")


def prefetched(items: Iterable[_Item], *, most: int = 1) -> Iterator[_Item]:
    """The same items in the same order; up to `most` of them are ready and wait in memory.

    polars works without Python's lock, so that two steps that do little else share two cores. An
    exception of `items` is raised where its item would have come.
    """
    source, end = iter(items), object()
    with ThreadPoolExecutor(1) as thread:
        waiting: deque[Future[_Item | object]] = deque()
        waiting.extend(thread.submit(next, source, end) for _ in range(most))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, source, end))
            yield item  # type: ignore[misc]


def consume_behind(items: Iterable[_Item], use: Callable[[_Item], None]) -> None:
    """Use each of the items, in a thread of its own, while the next one is made in this one.

    At most one item waits for its turn. An exception of `use` is raised when the next item is
    there; whatever is raised, nothing is in use any more.
    """
    with ThreadPoolExecutor(1) as thread:
        used: Future[None] | None = None
        for item in items:
            if used is not None:
                used.result()
            used = thread.submit(use, item)
        if used is not None:
            used.result()
