"""What came of disturbed runs: how they ended, and what was lost or doubled in the end."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Timer
from typing import Any

from kills_page import table, write_section
from mortal import Ending
from outages import GOES_ON, Outage
from places import Place
from stages import ALL, SEED

LONGEST_SECONDS = 120.0
HEAD = ["run", "away", "how", "lasts", "from this step on", "expected of the run", "became",
        "seconds", "lost", "doubled"]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An outage that begins at a step of a run; `run` says of what."""

    run: str
    step: str
    outage: Outage


@dataclass(frozen=True)
class Suffered:
    """What came of a case: how the run ended, and what is to be seen at the very end."""

    case: Case
    ending: Ending
    lost: Counter[Any]
    doubled: Counter[Any]

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
            self.case.run, outage.part, outage.what, outage.lasts, self.case.step,
            " or ".join(outage.expected), self.became, f"{self.ending.seconds:.0f}",
            self.lost.total(), self.doubled.total(),
        ]  # fmt: skip


Disturb = Callable[[str, Callable[[], None]], Ending | None]
"""Runs a flow; at the first instant with this label something begins."""


def suffer(place: Place, case: Case, disturb: Disturb) -> Ending | None:
    """Let it happen to a run; it is over afterwards. None where its step was not reached."""
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


def tell(heading: str, suffered: Iterable[Suffered], run: str) -> None:
    """Print it; with KILLS=all it becomes a section of the page. `run` is when, and of what."""
    known = list(suffered)
    ends = Counter(each.became for each in known)
    told = (
        f"{len(known)} outages: {ends.pop(GOES_ON, 0)} runs got over it, {ends.total()} ended "
        f"with an error ({', '.join(f'{name} {n}' for name, n in ends.most_common()) or 'none'}) "
        f"and the next one went on; {sum(each.lost.total() for each in known)} lost, "
        f"{sum(each.doubled.total() for each in known)} doubled ({run}; KILLS_SEED={SEED}). Waits "
        "are shorter than in earnest: a task tries again after 0.4 to 3.2 s instead of 4 to 32 s, "
        "and silence is taken for a hang after 2 or 3 s."
    )
    lines = table(HEAD, [each.line() for each in known])
    print(f"\n{heading}\n{told}\n{lines}")
    if ALL:
        write_section(heading, f"{told}\n\n{lines}")
