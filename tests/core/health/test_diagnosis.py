"""The watcher's diagnoses from runs and ledgers, and their texts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tasks.agreements.due import Due
from tasks.health.diagnosis import SILENT, Diagnosis, SilenceLimits, diagnose, is_dead
from tasks.health.facts import FLOWS, Facts, Run, Watched
from tasks.health.wording import diagnosis_text
from tasks.reports.kinds import EXPORT_KINDS

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
IMPORT = Watched(
    "d-1", "acme", "import-recipients", "default", Due(by="06:00", zone="UTC"), NOW - 99 * HOUR
)
EXPORT = replace(IMPORT, function="export-subscribed")
IN_TIME, YESTERDAY = NOW - 7 * HOUR, NOW - 31 * HOUR
PATIENCE = SilenceLimits(silent=30 * MINUTE, never_heard=6 * HOUR)


def run(state: str, message: str = "") -> Run:
    return Run("r-1", "acme", state, message, NOW - HOUR, NOW - HOUR)


FAILED, DONE = run("FAILED", "a.csv is held (cut)"), run("COMPLETED")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (Facts(ended=DONE, done_at=IN_TIME), ""),
        (Facts(ended=DONE, done_at=YESTERDAY), "file_overdue"),
        (Facts(), "file_overdue"),
        (Facts(ended=FAILED, done_at=YESTERDAY), "run_failed"),
        (Facts(ended=FAILED, held_at=NOW - 30 * MINUTE), "waiting_for_decision"),
        (Facts(ended=FAILED, held_at=NOW - 2 * HOUR), "run_failed"),
        (Facts(ended=DONE, held_at=NOW - 30 * MINUTE, done_at=IN_TIME), ""),
        (Facts(ended=DONE, paused=run("PAUSED"), done_at=IN_TIME), "waiting_for_decision"),
        (Facts(ended=run("CRASHED", "out of memory")), "run_crashed"),
        (Facts(ended=run("CRASHED", f"{SILENT} for nine minutes")), "run_dead"),
        (Facts(ended=DONE, late=run("SCHEDULED"), done_at=YESTERDAY), "run_late"),
    ],
    ids=["well", "overdue", "never done", "failed, and so overdue", "held by this run",
         "failed, and an older file is held", "held once, then imported", "asks somebody",
         "crashed", "dead", "late, and so overdue"],
)  # fmt: skip
def test_the_cause_is_reported_and_not_what_follows_from_it(facts: Facts, reason: str) -> None:
    """Of several conditions at once, the one to act on is reported."""
    assert diagnose(IMPORT, facts, NOW).reason == reason


def test_an_export_owes_a_delivery() -> None:
    """What is overdue is named after what the client waits for."""
    assert diagnose(EXPORT, Facts(ended=DONE, done_at=YESTERDAY), NOW).reason == "delivery_overdue"


@pytest.mark.parametrize(
    ("state", "since", "heartbeat", "leased", "dead"),
    [
        ("RUNNING", 20 * HOUR, 3 * MINUTE, False, False),
        ("RUNNING", 20 * HOUR, 31 * MINUTE, False, True),
        ("RUNNING", 20 * HOUR, 31 * MINUTE, True, False),
        ("RUNNING", 5 * HOUR, None, False, False),
        ("RUNNING", 7 * HOUR, None, False, True),
        ("RUNNING", 7 * HOUR, None, True, False),
        ("CANCELLING", 31 * MINUTE, 40 * MINUTE, False, True),
        ("CANCELLING", 5 * MINUTE, 40 * MINUTE, False, False),
        ("PENDING", 29 * MINUTE, None, False, False),
        ("PENDING", 31 * MINUTE, None, False, True),
    ],
    ids=["beats", "stopped beating", "no beat but a lease", "never beat, young",
         "never beat, old", "never beat, old, but a lease", "cancelled long ago",
         "cancelled just now", "starting", "never started"],
)  # fmt: skip
def test_one_sign_of_life_is_enough(
    state: str, since: timedelta, heartbeat: timedelta | None, leased: bool, dead: bool
) -> None:
    """A run is ended only when neither its heartbeat nor its lease shows that it lives."""
    seen = replace(run(state), changed=NOW - since)
    beat = NOW - heartbeat if heartbeat is not None else None
    assert is_dead(seen, beat, NOW, PATIENCE, leased=leased) is dead


@pytest.mark.parametrize(
    ("message", "expected", "untold"),
    [
        (
            "Flow run encountered an exception: LoginRefused: The server refused the password.",
            "refused the password",
            "exception",
        ),
        (
            "Flow run encountered an exception: ComputeError: could not parse `anna@example.it`",
            "The error is a ComputeError.",
            "anna",
        ),
        ("a.csv is held (cut): the last line has no end.", "a.csv is held (cut)", "exception"),
        ("x" * 5000, "xxx ...", "x" * 701),
    ],
    ids=["one of our errors", "a library's error", "the run's own message", "too long"],
)
def test_a_notice_says_why_and_never_what_stands_in_a_record(
    message: str, expected: str, untold: str
) -> None:
    """Texts of foreign errors may contain a client's data: only the type of error is sent."""
    words = diagnosis_text(IMPORT, Diagnosis("run_failed", run("FAILED", message)))
    assert expected in words
    assert untold not in words


def test_the_hour_in_a_notice_is_the_clients() -> None:
    """An operator reads the agreed time, not its translation."""
    watched = replace(IMPORT, due=Due(by="06:00", zone="Europe/Rome"))
    words = diagnosis_text(watched, diagnose(watched, Facts(), NOW))
    assert words == "import-recipients of acme: no file was imported by 06:00 on 24 November."


def test_every_function_with_a_ledger_is_watched_there() -> None:
    """A function that is added to the project gets its place in the watcher's table."""
    assert set(FLOWS.values()) == {"import", *EXPORT_KINDS}
