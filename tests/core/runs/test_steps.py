"""What is measured of the steps of a run."""

from collections.abc import Callable

import pytest

from blocks.errors import Defect
from tasks.runs import steps
from tasks.runs.progress import Progress
from tasks.texts.step_table import Step, duration, steps_table


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (10.2, "10 s"), (59.6, "1 min 00 s"), (62, "1 min 02 s"),
     (3725, "1 h 02 min")],
)  # fmt: skip
def test_durations_are_shown_in_words(seconds: float, expected: str) -> None:
    """Tenths where they matter, minutes and hours where those do."""
    assert duration(seconds) == expected


def test_the_table_says_how_long_how_often_and_how_far() -> None:
    """One row per step and their sum; a step at work counts until now."""
    found = steps_table(
        [
            Step("look", began=0, ended=2),
            Step("submit", 2, ended=64, calls=9, reached="3 of 7 batches", attempts=5, failed=True),
            Step("report", began=64),
        ],
        now=65,
    )
    assert found.splitlines() == [
        "| step | duration | MailUp calls |  |",
        "| --- | --- | --- | --- |",
        "| look | 2.0 s | 0 |  |",
        "| submit | 1 min 02 s | 9 | 3 of 7 batches, 5 attempts, failed |",
        "| report | 1.0 s | 0 | until here |",
        "| together | 1 min 05 s | 9 |  |",
    ]
    assert steps_table([], now=1) == ""


def test_steps_are_shown_once_and_only_of_this_run() -> None:
    """What was shown with one file is not shown again with the next; outside a run nothing is."""
    work: Callable[[], None] = steps.measured_step("fetch")(lambda: steps.set_progress("half"))
    work()
    assert steps.steps_since_last_report() == ""
    with steps.measured():
        work()
        assert "| fetch | 0.0 s | 0 | half |" in steps.steps_since_last_report()
        assert steps.steps_since_last_report() == ""


def test_more_than_expected_is_all_and_no_more() -> None:
    """People who come while a list is read are none of those who were counted before."""
    progress = Progress("acme-export", "recipients are read")
    progress.expect(4)
    with steps.measured():
        steps.measured_step("extract")(lambda: list(progress.counted(["abc", "abc"])))()
        assert "| 4 of 4 recipients are read |" in steps.steps_since_last_report()


def test_a_failed_step_is_what_a_failure_is_about() -> None:
    """A later failure is not attributed to a completed step."""

    def fail() -> None:
        raise ValueError

    with steps.measured():
        steps.measured_step("look")(lambda: None)()
        assert steps.current_step() == ""
        with pytest.raises(Defect):
            steps.measured_step("fetch")(fail)()
        assert steps.current_step() == "fetch"
