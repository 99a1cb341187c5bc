"""Is a function of a client well, and if not, what is the matter."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tasks.health.facts import Facts, Run, Watched

SILENT = "No sign of life"
"""Beginning of the message with which a dead run is ended, here and by the automation."""


@dataclass(frozen=True)
class SilenceLimits:
    """How long a run may be silent: after its last heartbeat, and where none was ever seen."""

    silent: timedelta
    never_heard: timedelta


def is_dead(
    run: Run, heartbeat: datetime | None, now: datetime, patience: SilenceLimits, *, leased: bool
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


Reason = Literal[
    "", "waiting_for_decision", "run_dead", "run_crashed", "run_failed", "run_late",
    "file_overdue", "delivery_overdue",
]  # fmt: skip
"""Empty: it is well. Of several, the first in this order is told: the later ones follow from it."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found; `run` shows it, `missed` (UTC) is the time that passed without a file."""

    reason: Reason = ""
    run: Run | None = None
    missed: datetime | None = None


def diagnose(watched: Watched, facts: Facts, now: datetime) -> Diagnosis:
    """The one thing to tell about a function of a client."""
    if facts.paused:
        return Diagnosis("waiting_for_decision", facts.paused)
    if facts.ended and (reason := _ending(facts.ended, facts)):
        return Diagnosis(reason, facts.ended)
    if facts.late:
        return Diagnosis("run_late", facts.late)
    missed = watched.due.missed(now, facts.done_at, watched.since)
    if missed:
        importing = watched.kind == "import"
        return Diagnosis("file_overdue" if importing else "delivery_overdue", facts.ended, missed)
    return Diagnosis("", facts.ended)


def _ending(run: Run, facts: Facts) -> Reason:
    if run.state == "CRASHED":
        return "run_dead" if run.message.startswith(SILENT) else "run_crashed"
    if run.state != "FAILED":
        return ""
    held = facts.held_at is not None and facts.held_at >= run.began
    return "waiting_for_decision" if held else "run_failed"
