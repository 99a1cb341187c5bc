"""Faults on demand: which call fails next, how, and how often."""

import re
import threading
from dataclasses import dataclass, field

KINDS = (
    "500",
    "503",
    "429",
    "html",
    "empty",
    "cut",
    "drop",
    "drop_after_accept",
    "slow",
    "expire_token",
    "403_contract",
    "400_echo",
    "list_hidden",
)


@dataclass
class Fault:
    """One fault: calls whose `METHOD path?query` matches fail `times` times (0: until cleared)."""

    kind: str
    path: str = ""
    method: str = ""
    times: int = 1
    seconds: float = 1.0
    list: int = 0
    skip: int = 0
    used: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}; known: {', '.join(KINDS)}")
        re.compile(self.path)

    def fits(self, method: str, target: str) -> bool:
        """Whether this fault matches a call."""
        return self.method.upper() in ("", method) and re.search(self.path, target) is not None


class Faults:
    """The active faults. `skip` lets that many matching calls pass first."""

    def __init__(self) -> None:
        self.orders: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Add a fault after the others."""
        with self._lock:
            self.orders.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self.orders.clear()

    def take(self, method: str, target: str) -> Fault | None:
        """The fault of this call, counted as used once."""
        with self._lock:
            for fault in self.orders:
                if fault.kind == "list_hidden" or not fault.fits(method, target):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.used += 1
                if fault.times and fault.used >= fault.times:
                    self.orders.remove(fault)
                return fault
        return None

    def hidden_lists(self) -> set[int]:
        """Lists that the account currently cannot see."""
        with self._lock:
            return {fault.list for fault in self.orders if fault.kind == "list_hidden"}
