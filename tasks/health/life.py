"""Signs of life: which runs are dead although Prefect still shows them as running."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tasks.health.facts import Run

SILENT = "No sign of life"
"""Beginning of the message with which a dead run is ended, here and by the automation."""


@dataclass(frozen=True)
class Patience:
    """How long a run may be silent: after its last heartbeat, and where none was ever seen."""

    silent: timedelta
    never_heard: timedelta


def is_dead(
    run: Run, heartbeat: datetime | None, now: datetime, patience: Patience, *, leased: bool
) -> bool:
    """Whether an unfinished run may be ended.

    `heartbeat` is its newest one (UTC), `leased` whether a run of its function renews a lease in
    the ledger: one sign of life is enough to leave it alone.
    """
    if leased:
        return False
    if heartbeat is not None:
        return now - max(heartbeat, run.changed) > patience.silent
    # A run that waits for its process has nothing that could beat; neither has one whose worker
    # died while starting it.
    return now - run.changed > (patience.silent if run.state == "PENDING" else patience.never_heard)
