"""Reset a running emulator in milliseconds."""

from typing import Protocol

from sandbox.mailup.gate import Gate
from sandbox.mailup.seed import replant
from sandbox.mailup.settings import Settings
from sandbox.mailup.store import Store
from sandbox.mailup.worker import Worker


class Parts(Protocol):
    """The parts of an emulator that have state."""

    store: Store
    settings: Settings
    worker: Worker
    gate: Gate


def start_over(parts: Parts) -> None:
    """Restore the initial account and settings; tokens stay valid. Running imports are dropped."""
    parts.settings.reset()
    parts.worker.forget()
    replant(parts.store)
    parts.gate.start_over()
