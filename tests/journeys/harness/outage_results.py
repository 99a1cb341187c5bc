"""Results of disturbed runs: how they ended, and what was lost or doubled."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Timer
from typing import Any

from tests.journeys.harness.kill_results import Report
from tests.journeys.harness.outages import GOES_ON, Outage
from tests.journeys.harness.run_process import Ending
from tests.journeys.harness.sandboxes import Place

LONGEST_SECONDS = 120.0


@dataclass(frozen=True)
class Case:
    """An outage that begins at a step of a run; `run` names the run."""

    run: str
    step: str
    outage: Outage

    @property
    def key(self) -> str:
        """The key of its record."""
        outage = self.outage
        return f"{self.run}: {outage.part} {outage.what} {outage.lasts}, {self.step}"


@dataclass(frozen=True)
class Suffered:
    """The result of a case: how the run ended, and the final state."""

    case: Case
    ending: Ending
    lost: Counter[Any]
    doubled: Counter[Any]

    @property
    def became(self) -> str:
        """How the run ended, in the terms of `Outage.expected`."""
        return GOES_ON if self.ending.completed else self.ending.error

    @property
    def is_right(self) -> bool:
        """Whether it is as expected: a clear error in time, nothing lost or doubled."""
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
        """The text of an unexpected result."""
        outage = self.case.outage
        return [
            self.case.run, outage.part, outage.what, outage.lasts, self.case.step,
            " or ".join(outage.expected), self.became, f"{self.ending.seconds:.0f}",
            self.lost.total(), self.doubled.total(),
        ]  # fmt: skip


Disturb = Callable[[str, Callable[[], None]], Ending | None]
"""Runs a flow; an outage begins at the first instant with this label."""


def suffer(place: Place, case: Case, disturb: Disturb) -> Ending | None:
    """Run with the outage, and end it. None if its step was not reached."""
    outage = case.outage
    timer = Timer(outage.seconds or 0, outage.end, [place])

    def begin() -> None:
        outage.begin(place)
        if outage.seconds:
            timer.start()

    ending = disturb(case.step, begin)
    if timer.is_alive():
        timer.join()
    outage.end(place)
    if ending and not ending.completed:
        place.database.let_leases_expire()
    return ending


def publish(report: Report) -> None:
    """Print the summary and, without KILLS=all, every case; with it the page gets its row."""
    report.publish()
    for case in report.cases.values():
        print(case["case"], case["became"], f"{case['seconds']:.0f} s")


def keep(report: Report, suffered: Suffered) -> None:
    """Record a case with its result."""
    wrong = "" if suffered.is_right else repr((suffered.line(), suffered.ending.message,
                                               suffered.lost, suffered.doubled))  # fmt: skip
    report.keep(
        suffered.case.key, became=suffered.became, seconds=round(suffered.ending.seconds, 1),
        lost=suffered.lost.total(), doubled=suffered.doubled.total(), wrong=wrong,
    )  # fmt: skip
