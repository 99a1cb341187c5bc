"""Work ahead: the next items are made in a thread of their own while the last one is used."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], *, most: int = 1) -> Iterator[T]:
    """The same items in the same order; up to `most` of them are ready and wait in memory.

    polars works without Python's lock, so that two steps that do little else share two cores. An
    exception of `items` is raised where its item would have come.
    """
    source, end = iter(items), object()
    with ThreadPoolExecutor(1) as thread:
        waiting: deque[Future[T | object]] = deque()
        waiting.extend(thread.submit(next, source, end) for _ in range(most))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, source, end))
            yield item  # type: ignore[misc]
