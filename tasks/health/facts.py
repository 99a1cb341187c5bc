"""Facts about one function of one client, for its diagnosis. Times are UTC."""

from dataclasses import dataclass
from datetime import datetime

from tasks.agreements.due import Due
from tasks.reports.kinds import EXPORT_KINDS

FLOWS = {
    "import-recipients": "import",
    **{kind.flow: kind.name for kind in EXPORT_KINDS.values()},
}
"""Functions with streams in the ledger, and the prefixes of their streams."""


@dataclass(frozen=True)
class Watched:
    """A function of a client: one deployment, created at `since`; nothing is expected of it while
    its schedule is `paused`."""

    deployment: str
    client: str
    function: str
    ledger: str
    due: Due
    since: datetime
    paused: bool = False

    @property
    def kind(self) -> str:
        """Prefix of its streams in the ledger; empty if it has none."""
        return FLOWS.get(self.function, "")

    @property
    def condition(self) -> str:
        """Name of its condition in the ledger."""
        return f"client/{self.client}/{self.function}"


@dataclass(frozen=True)
class Run:
    """A flow run in Prefect. `state`: the type of its state. `began`: its start time, or its
    scheduled time if it never started."""

    id: str
    name: str
    state: str
    message: str
    began: datetime
    changed: datetime


@dataclass(frozen=True)
class Facts:
    """All facts about one function.

    `ended`: its last ended run. `paused`: a run that waits for input. `late`: a late run. From the
    ledger: `done_at`, the last import or delivery; `held_at`, the last hold of a file that is still
    held.
    """

    ended: Run | None = None
    paused: Run | None = None
    late: Run | None = None
    done_at: datetime | None = None
    held_at: datetime | None = None
