"""Promise 4 for a stopped run, by `make kills`: continued after other runs, it brings
back nothing old. `make test`, which does not collect this file, has a smaller test instead:
tests/core/imports/test_standstill.py.
"""

from collections.abc import Iterator
from multiprocessing.process import BaseProcess

import pytest

from tests.journeys.harness.kill_results import Report
from tests.journeys.harness.killed_import import NEW_VALUES, OLD_VALUES, Facts, Scene
from tests.journeys.harness.kills_records import Part
from tests.journeys.harness.scenarios import Stage

WRITTEN = "batches.write_ahead, after commit"
ANSWERED = "batches.accepted, before commit"
ATTEMPTS = 4

pytestmark = pytest.mark.timeout(4 * 3600)


def test_a_run_that_stood_still_brings_back_nothing_old(stage: Stage) -> None:
    """Stopped at each instant between a batch's commit and MailUp's answer, and woken when a newer
    file was imported: everything is as after two runs that nobody disturbed."""
    with stage.client("undisturbed", OLD_VALUES) as client:
        client.run()
        steps = client.steps()
        client.drop_newer(NEW_VALUES)
        client.run()
        expected, imports = client.facts(), client.imports()
    report = Report("imports: stopped before a request", stage.kind)
    cases = {
        f"{number} {steps[number - 1]}": number
        for number in _before_an_answer(steps)
        # Within a transaction of SQLite nobody else can take over.
        if stage.kind != "sqlite" or not steps[number - 1].endswith("before commit")
    }
    assert len(cases) > 3

    for case in report.missing(Part.chosen().of(list(cases))):
        found, given = _stand_still(stage, cases[case], steps[cases[case] - 1])
        report.add(case, [steps[cases[case] - 1]], expected - found, found - expected,
                   extra=given - imports)  # fmt: skip
    report.publish()

    assert report.wrong == []
    assert report.cases


def _before_an_answer(steps: list[str]) -> Iterator[int]:
    """The numbers of the instants from a batch's commit to MailUp's answer."""
    open_batch = False
    for number, step in enumerate(steps, 1):
        open_batch = (open_batch or step == WRITTEN) and step != ANSWERED
        if open_batch:
            yield number


def _stand_still(stage: Stage, number: int, step: str) -> tuple[Facts, int]:
    """What is left, and how many imports MailUp was given.

    A run that is at another step at its instant of this number, because it waited for something,
    is left for a new client.
    """
    for attempt in range(1, ATTEMPTS + 1):
        with stage.client(f"stop{number}-{attempt}", OLD_VALUES) as client:
            stopped = client.stop(number)
            if client.steps()[-1] == step:
                return _stood_still(client, stopped)
            client.runner.wake(stopped)
    raise AssertionError(f"no run was at {step} at its instant {number}")


def _stood_still(client: Scene, stopped: BaseProcess) -> tuple[Facts, int]:
    """Import the file and a newer one while the run stands still, then wake it."""
    client.run()
    client.drop_newer(NEW_VALUES)
    client.run()
    client.runner.wake(stopped)
    client.let_leases_expire()
    client.run()
    return client.facts(), client.imports()
