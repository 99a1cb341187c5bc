"""Back to the beginning, in a moment and without a new process: for many trials in one emulator."""

from typing import Protocol

from sandbox.mailup.gate import Gate
from sandbox.mailup.seed import replant
from sandbox.mailup.settings import Settings
from sandbox.mailup.store import Store
from sandbox.mailup.worker import Worker


class Parts(Protocol):
    """What of an emulator remembers anything."""

    store: Store
    settings: Settings
    worker: Worker
    gate: Gate


def start_over(parts: Parts) -> None:
    """The account of a new emulator and the settings it was started with; tokens stay good.

    Imports at work are abandoned, and what they would have brought in never comes.
    """
    parts.settings.reset()
    parts.worker.forget()
    replant(parts.store)
    parts.gate.start_over()
