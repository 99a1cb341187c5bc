"""The diagnosis of a function of a client."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tasks.health.facts import Facts, Run, Watched

SILENT = "No sign of life"
"""Start of the message with which a dead run is ended, here and by the automation."""


@dataclass(frozen=True)
class SilenceLimits:
    """How long a run may be silent: after its last heartbeat, and without any heartbeat."""

    silent: timedelta
    never_heard: timedelta


def is_dead(
    run: Run, heartbeat: datetime | None, now: datetime, limits: SilenceLimits, *, leased: bool
) -> bool:
    """Whether an unfinished run is dead.

    `heartbeat`: its last one (UTC). `leased`: whether a run of its function renews a lease in the
    ledger, which is a sign of life as well.
    """
    if leased:
        return False
    if heartbeat is not None:
        return now - max(heartbeat, run.changed) > limits.silent
    # A pending run has no heartbeat; nor has one whose worker died while starting it.
    return now - run.changed > (limits.silent if run.state == "PENDING" else limits.never_heard)


Reason = Literal[
    "", "waiting_for_decision", "run_dead", "run_crashed", "run_failed", "run_late",
    "file_overdue", "delivery_overdue",
]  # fmt: skip
"""Empty: ok. Of several, the first in this order is reported: the later ones follow from it."""


@dataclass(frozen=True)
class Diagnosis:
    """The diagnosis; `run`: the run that shows it; `missed`: the deadline (UTC) that has passed."""

    reason: Reason = ""
    run: Run | None = None
    missed: datetime | None = None


def diagnose(watched: Watched, facts: Facts, now: datetime) -> Diagnosis:
    """Diagnose a function of a client."""
    if facts.paused:
        return Diagnosis("waiting_for_decision", facts.paused)
    if facts.ended and (reason := _end_reason(facts.ended, facts)):
        return Diagnosis(reason, facts.ended)
    if facts.late:
        return Diagnosis("run_late", facts.late)
    missed = watched.due.missed(now, facts.done_at, watched.since)
    if missed:
        importing = watched.kind == "import"
        return Diagnosis("file_overdue" if importing else "delivery_overdue", facts.ended, missed)
    return Diagnosis("", facts.ended)


def _end_reason(run: Run, facts: Facts) -> Reason:
    if run.state == "CRASHED":
        return "run_dead" if run.message.startswith(SILENT) else "run_crashed"
    if run.state != "FAILED":
        return ""
    held = facts.held_at is not None and facts.held_at >= run.began
    return "waiting_for_decision" if held else "run_failed"
