"""Texts of diagnoses: a sentence and a remedy; never a value of a record."""

import re
from zoneinfo import ZoneInfo

import blocks.errors as errors
from tasks.health.diagnosis import Diagnosis, Reason
from tasks.health.facts import Run, Watched

REMEDIES: dict[Reason, str] = {
    "": "Nothing to do.",
    "waiting_for_decision": (
        "Read the result, then release or refuse the file, or ask for a corrected one."
    ),
    "run_dead": (
        "Nothing is lost or done twice: the next run continues where this one ended. Find out why "
        "the machine or the worker stopped."
    ),
    "run_crashed": (
        "Nothing is lost or done twice: the next run continues where this one ended. If it crashes "
        "again, check the worker's memory, disk and log."
    ),
    "run_failed": "Follow the message on the run's page, then retry it or wait for the next run.",
    "run_late": "Check that a worker is online for the deployment's work pool and below its limit.",
    "file_overdue": (
        "Ask the client for its file. If it is on the server, compare folder and name with the "
        "agreement's source."
    ),
    "delivery_overdue": "Check that the export's schedule is active, and run the export by hand.",
}
_EXCEPTION = re.compile(r"encountered an exception: (?:\w+\.)*(\w+)(?:: )?(.*)", re.DOTALL)
_LONGEST = 700


def diagnosis_text(watched: Watched, finding: Diagnosis) -> str:
    """The sentence of a notification."""
    subject, run = f"{watched.function} of {watched.client}", finding.run
    match finding.reason:
        case "":
            return f"{subject} is well again."
        case "file_overdue":
            return f"{subject}: no file was imported by {_clock(watched, finding)}."
        case "delivery_overdue":
            return f"{subject}: nothing was delivered by {_clock(watched, finding)}."
        case "run_late":
            return f"{subject}: no worker has started the run scheduled for {_at(run)}."
        case "waiting_for_decision":
            return f"{subject}: a decision is needed. {_message(run)}".rstrip()
        case "run_dead":
            return f"{subject}: a run gave no sign of life and was ended."
        case "run_crashed":
            return f"{subject}: a run has crashed. {_message(run)}".rstrip()
        case "run_failed":
            return f"{subject} has failed. {_message(run)}".rstrip()


def _clock(watched: Watched, finding: Diagnosis) -> str:
    """The agreed time in the client's zone."""
    if finding.missed is None:
        return "the agreed time"
    return f"{finding.missed.astimezone(ZoneInfo(watched.due.zone)):%H:%M on %d %B}"


def _at(run: Run | None) -> str:
    return f"{run.began:%H:%M} UTC" if run else "an unknown time"


def _message(run: Run | None) -> str:
    """The run's message; of an exception of a library only its type.

    The project's errors never contain a value of a record; a library's may.
    """
    message = run.message if run else ""
    if found := _EXCEPTION.search(message):
        kind, text = found.groups()
        message = text if hasattr(errors, kind) else f"The error is a {kind}."
    return message if len(message) <= _LONGEST else message[:_LONGEST] + " ..."
