"""Cache of walks through large collections: their length, and the keys at page ends."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

KEPT_WALKS = 64
KEPT_KEYS = 20_000

Key = tuple[Any, ...]


class Walk:
    """One collection in one order, at one version of the store."""

    def __init__(self, version: int, total: int) -> None:
        self.version = version
        self.total = total
        self._keys: dict[int, Key] = {}

    def after(self, offset: int) -> Key | None:
        """The key of the last row before `offset`, if a page ended there."""
        return self._keys.get(offset)

    def remember(self, offset: int, key: Key) -> None:
        """Store the key of the row before `offset`."""
        if len(self._keys) < KEPT_KEYS:
            self._keys[offset] = key


class Walks:
    """The walks used last; each write to the store invalidates them."""

    def __init__(self) -> None:
        self._walks: OrderedDict[Hashable, Walk] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, what: Hashable, version: int, total: Callable[[], int]) -> Walk:
        """The walk through `what`; `total` counts its rows if it is not cached."""
        with self._lock:
            walk = self._walks.get(what)
            if walk is not None and walk.version == version:
                self._walks.move_to_end(what)
                return walk
        walk = Walk(version, total())
        with self._lock:
            self._walks[what] = walk
            self._walks.move_to_end(what)
            while len(self._walks) > KEPT_WALKS:
                self._walks.popitem(last=False)
        return walk
