"""What people are told: a sentence, and what to do. Never anything of a record."""

import re
from zoneinfo import ZoneInfo

import blocks.errors as errors
from tasks.health.diagnosis import Diagnosis, Reason
from tasks.health.facts import Run, Watched

REMEDIES: dict[Reason, str] = {
    "": "Nothing is to be done.",
    "waiting_for_decision": (
        "Look at the result, then release the file or refuse it, or ask for a corrected one."
    ),
    "run_dead": (
        "Nothing is lost or done twice: the next run goes on where this one ended. Look why the "
        "machine or the worker went away."
    ),
    "run_crashed": (
        "Nothing is lost or done twice: the next run goes on where this one ended. If it crashes "
        "again, look at the worker's memory, disk and log."
    ),
    "run_failed": "Do what it says, then run it, or let the next run. Its page says more.",
    "run_late": "Check that a worker runs for the deployment's work pool, and that it has room.",
    "file_overdue": (
        "Ask the client for its file. If it is on the server, compare folder and name with the "
        "agreement's source."
    ),
    "delivery_overdue": "Check that the export's schedule is active, and run the export by hand.",
}
_EXCEPTION = re.compile(r"encountered an exception: (?:\w+\.)*(\w+)(?:: )?(.*)", re.DOTALL)
_LONGEST = 700


def diagnosis_text(watched: Watched, finding: Diagnosis) -> str:
    """What is the matter, for a notification."""
    told, run = f"{watched.function} of {watched.client}", finding.run
    match finding.reason:
        case "":
            return f"{told} is well again."
        case "file_overdue":
            return f"{told}: no file was imported by {_clock(watched, finding)}."
        case "delivery_overdue":
            return f"{told}: nothing was delivered by {_clock(watched, finding)}."
        case "run_late":
            return f"{told}: no worker has taken the run that was due at {_at(run)}."
        case "waiting_for_decision":
            return f"{told}: somebody has to decide. {_message(run)}".rstrip()
        case "run_dead":
            return f"{told}: a run gave no sign of life any more and was ended."
        case "run_crashed":
            return f"{told}: a run has crashed. {_message(run)}".rstrip()
        case "run_failed":
            return f"{told} has failed. {_message(run)}".rstrip()


def _clock(watched: Watched, finding: Diagnosis) -> str:
    """The agreed time on the client's wall."""
    if finding.missed is None:
        return "the agreed time"
    return f"{finding.missed.astimezone(ZoneInfo(watched.due.zone)):%H:%M on %d %B}"


def _at(run: Run | None) -> str:
    return f"{run.began:%H:%M} UTC" if run else "its time"


def _message(run: Run | None) -> str:
    """The run's own message; of an exception that is not ours only its kind.

    Our errors never carry a value of a record; a library's may.
    """
    message = run.message if run else ""
    if raised := _EXCEPTION.search(message):
        kind, text = raised.groups()
        message = text if hasattr(errors, kind) else f"The error is a {kind}."
    return message if len(message) <= _LONGEST else message[:_LONGEST] + " ..."
