"""Promise 4 of the import in outages: what is away for a while costs a run, never a row. With
KILLS=all something goes wrong at every step (`make kills`), else at some of them."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.journeys.harness.kill_results import Report
from tests.journeys.harness.killed_import import Facts
from tests.journeys.harness.kills_records import Part
from tests.journeys.harness.outage_results import Case, Suffered, keep, publish, suffer
from tests.journeys.harness.outages import OUTAGES, at_steps, small_disks
from tests.journeys.harness.scenarios import ALL, SEED, Stage
from tests.servers.databases import KINDS

AT_ONCE = 8 if ALL else 5
SAMPLED = {
    "sqlite": [("file server", "resets", "to the end"), ("ledger's lock", "held", "3 s")],
    "postgresql": [
        ("MailUp", "refuses", "1 s"),
        ("MailUp", "does it, and hangs up", "once"),
        ("ledger", "hangs", "to the end"),
    ],
}


@pytest.mark.timeout(4 * 3600 if ALL else 300)
def test_an_outage_costs_a_run_and_never_a_row(stage: Stage) -> None:
    """A run recovers, or fails soon with what to do next, and the run after it ends as one that
    nobody disturbed."""
    with stage.client("calm", disturbed=True) as client:
        client.run()
        expected, steps = client.facts(), list(dict.fromkeys(client.steps()))
    report = Report("imports: outages", stage.kind)
    cases = {case.key: case for case in Part.chosen().of(list(_cases(stage, steps)))}
    todo = [cases[key] for key in report.missing(cases)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda at: _suffer(stage, at[0], at[1], expected), enumerate(todo))
        for case, each in zip(todo, found, strict=True):
            assert each is not None, f"its step was not reached: {case.key}"
            keep(report, each)
    publish(report)

    assert report.wrong == []
    assert report.cases


def _cases(stage: Stage, steps: list[str]) -> Iterator[Case]:
    """Outages at every step; without KILLS=all the sampled ones at a step that chance chooses."""
    outages = [each for each in OUTAGES if stage.kind in each.kinds]
    if ALL:
        for step, outage in at_steps(steps, outages, KINDS.index(stage.kind)):
            yield Case("import", step, outage)
        return
    chance = random.Random(f"{SEED} {stage.kind}")
    for outage in outages:
        if (outage.part, outage.what, outage.lasts) in SAMPLED[stage.kind]:
            yield Case("import", *chance.choice(list(at_steps(steps, [outage]))))


def _suffer(stage: Stage, number: int, case: Case, expected: Facts) -> Suffered | None:
    """Run with the outage, and again if that run failed; None if its step was not reached."""
    name = f"outage-{number}"
    with (
        small_disks(stage.folder(name), [case.outage.part]),
        stage.client(name, disturbed=True) as client,
    ):
        ending = suffer(client.place, case, client.disturb)
        if ending is None:
            return None
        if not ending.completed:
            client.run()
        found = client.facts()
    return Suffered(case, ending, expected - found, found - expected)
