"""Promise 4 of the import in outages: what is away for a while costs a run, never a row. With
KILLS=all something goes wrong at every step (`make kills`), else at some of them."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from threading import Timer

import pytest
from killed_import import Ending, Facts, Scene
from kills_page import stamp, table, write_section
from outages import GOES_ON, OUTAGES, Outage, at_steps, small_disk
from stages import ALL, SEED, Stage

AT_ONCE = 8 if ALL else 5
LONGEST_SECONDS = 120.0
SAMPLED = [
    ("file server", "resets", "to the end"),
    ("MailUp", "refuses", "1 s"),
    ("MailUp", "does it, and hangs up", "once"),
    ("ledger", "hangs", "to the end"),
    ("ledger's lock", "held", "3 s"),
]


@dataclass(frozen=True)
class Case:
    """An outage that begins at a step."""

    number: int
    step: str
    outage: Outage


@dataclass(frozen=True)
class Suffered:
    """What came of a case: how the run ended, and what is to be seen at the very end."""

    case: Case
    ending: Ending
    lost: Facts
    doubled: Facts

    @property
    def became(self) -> str:
        """How the run ended, in the words of `Outage.expected`."""
        return GOES_ON if self.ending.completed else self.ending.error

    @property
    def is_right(self) -> bool:
        """Whether it is as expected: the end is clear and soon, nothing is lost or doubled."""
        advice = self.ending.what_next
        clear = self.ending.completed or (advice and self.ending.message.endswith(advice))
        return bool(
            self.became in self.case.outage.expected
            and clear
            and self.ending.seconds < LONGEST_SECONDS
            and not self.lost
            and not self.doubled
        )

    def line(self) -> list[object]:
        """The page's row."""
        outage = self.case.outage
        return [
            outage.part, outage.what, outage.lasts, self.case.step, " or ".join(outage.expected),
            self.became, f"{self.ending.seconds:.0f}", self.lost.total(), self.doubled.total(),
        ]  # fmt: skip


HEAD = ["away", "how", "lasts", "from this step on", "expected of the run", "became", "seconds",
        "lost", "doubled"]  # fmt: skip


@pytest.mark.timeout(4 * 3600 if ALL else 300)
def test_an_outage_costs_a_run_and_never_a_row(stage: Stage) -> None:
    """A run gets over it, or ends soon with what to do next, and the run after it ends as one that
    nobody disturbed."""
    begin, version = time.monotonic(), stamp()
    with stage.client("calm", disturbed=True) as client:
        client.run()
        expected, steps = client.facts(), list(dict.fromkeys(client.steps()))
    cases = list(_cases(stage, steps))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda case: _suffer(stage, case, expected), cases))
    suffered = [each for each in found if each is not None]
    wrong = [each for each in suffered if not each.is_right]
    _tell(stage, suffered, f"{version}; {time.monotonic() - begin:.0f} s")

    assert [(each.line(), each.ending.message, each.lost, each.doubled) for each in wrong] == []
    assert [case for case, each in zip(cases, found, strict=True) if each is None] == []


def _tell(stage: Stage, suffered: list[Suffered], run: str) -> None:
    ends = Counter(each.became for each in suffered)
    told = (
        f"{len(suffered)} outages: {ends.pop(GOES_ON, 0)} runs got over it, {ends.total()} ended "
        f"with an error ({', '.join(f'{name} {n}' for name, n in ends.most_common()) or 'none'}) "
        f"and the next one went on; {sum(each.lost.total() for each in suffered)} lost, "
        f"{sum(each.doubled.total() for each in suffered)} doubled ({run}). Waits are shorter than "
        "in earnest: a task tries again after 0.4 to 3.2 s instead of 4 to 32 s, and silence is "
        "taken for a hang after 2 or 3 s."
    )
    lines = table(HEAD, [each.line() for each in suffered])
    print(f"\n{told}\n{lines}")
    if ALL:
        write_section(f"Outages, the ledger on {stage.kind}", f"{told}\n\n{lines}")


def _cases(stage: Stage, steps: list[str]) -> Iterator[Case]:
    """Outages at every step; without KILLS=all the sampled ones at a step that chance chooses."""
    outages = [each for each in OUTAGES if each.kind == stage.kind]
    found = list(at_steps(steps, outages))
    if not ALL:
        chance = random.Random(f"{SEED} {stage.kind}")
        outages = [each for each in outages if (each.part, each.what, each.lasts) in SAMPLED]
        found = [chance.choice([case for case in found if case[1] == each]) for each in outages]
    for number, (step, outage) in enumerate(found):
        yield Case(number, step, outage)


def _suffer(stage: Stage, case: Case, expected: Facts) -> Suffered | None:
    """Let it happen, and run again where that run failed; None where its step was not reached."""
    with stage.client(f"outage-{case.number}", disturbed=True) as client:
        on_disk = small_disk(client.home / "scratch")
        with on_disk if case.outage.part == "scratch" else nullcontext():
            ending = _disturbed(client, case)
            if ending is None:
                return None
            if not ending.completed:
                client.database.let_leases_expire()
                client.run()
        found = client.facts()
    return Suffered(case, ending, expected - found, found - expected)


def _disturbed(client: Scene, case: Case) -> Ending | None:
    outage = case.outage
    timer = Timer(outage.seconds or 0, outage.end, [client])

    def begin() -> None:
        outage.begin(client)
        if outage.seconds:
            timer.start()

    ending = client.disturb(case.step, begin)
    if timer.is_alive():
        timer.join()
    outage.end(client)
    return ending
