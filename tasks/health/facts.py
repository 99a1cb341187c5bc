"""What is known of one function of one client before anything is decided. Times are UTC."""

from dataclasses import dataclass
from datetime import datetime

from tasks.agreements.due import Due
from tasks.reports.kinds import EXPORT_KINDS

FLOWS = {
    "import-recipients": "import",
    **{kind.flow: kind.name for kind in EXPORT_KINDS.values()},
}
"""Functions that leave traces in the ledger, and how the names of their streams begin."""


@dataclass(frozen=True)
class Watched:
    """A function of a client: one deployment. `since` is when it was deployed first; while it is
    `paused` nothing is expected of it."""

    deployment: str
    client: str
    function: str
    ledger: str
    due: Due
    since: datetime
    paused: bool = False

    @property
    def kind(self) -> str:
        """How the names of its streams begin in the ledger; empty where it has none."""
        return FLOWS.get(self.function, "")

    @property
    def condition(self) -> str:
        """Name under which the ledger remembers whether it is in trouble."""
        return f"client/{self.client}/{self.function}"


@dataclass(frozen=True)
class Run:
    """A run as Prefect shows it. `state` is the state's type and `began` the start, or the time for
    which it was planned where it never started."""

    id: str
    name: str
    state: str
    message: str
    began: datetime
    changed: datetime


@dataclass(frozen=True)
class Facts:
    """All that decides about one function.

    `ended` is its newest run that has ended, `paused` one that waits for somebody's input, `late`
    one that no worker takes. From the ledger: when it was `done_at` last, when a file that is
    still held was `held_at` last.
    """

    ended: Run | None = None
    paused: Run | None = None
    late: Run | None = None
    done_at: datetime | None = None
    held_at: datetime | None = None
