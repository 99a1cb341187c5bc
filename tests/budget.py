"""The time that tests may take: measured in every run, which fails where it is over the budget.

Two measures. *CPU seconds* of a test are those of its process, with all threads, and of the
processes that it started and ended, divided by how much slower than on the machine of the
budget a fixed loop is: so neither a busy nor a slow machine fails by accident, and work cannot hide
in a thread or another process. *Seconds* by the clock also contain waits, so a sleep cannot hide
either; but they depend on what else a machine does, and are judged only in CI (`CI=true`), where
nothing else runs. What plays a suite in full (`tests/samples.py`) is not judged.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import NamedTuple

import pytest

LOOP_STEPS = 60_000
LOOP_SECONDS = 0.008
"""CPU seconds of the loop on the machine of the budget: 2 cores of a rented server."""
CALIBRATE_SECONDS = 3.0
SHOWN = 12


class Cost(NamedTuple):
    """Of one test: CPU seconds, and seconds by the clock."""

    cpu: float
    clock: float

    def plus(self, other: "Cost") -> "Cost":
        """Both together."""
        return Cost(self.cpu + other.cpu, self.clock + other.clock)


NOTHING = Cost(0, 0)


@dataclass(frozen=True)
class Budget:
    """What the tests under `folder` may cost together, and each of them alone (0: no limit).

    The clock of all together is that of a run in which the processes share the tests.
    """

    folder: str
    total: Cost
    each: Cost = NOTHING


# The aim is 60 seconds and 10 minutes on two cores. These are what is measured there, and room for
# a machine whose memory others use, too: 183 and 1,360 CPU seconds beside other work.
BUDGETS = (
    Budget("tests/core/", Cost(260, 200), each=Cost(12, 60)),
    Budget("tests/", Cost(1900, 1700)),
)


def over(
    costs: Mapping[str, Cost], budgets: tuple[Budget, ...], *, clock: bool, processes: int = 1
) -> list[str]:
    """A sentence for each budget that is exceeded, with the tests that cost most."""
    said = []
    for budget in budgets:
        within = {name: cost for name, cost in costs.items() if name.startswith(budget.folder)}
        for unit, of, shared in (("CPU seconds", 0, 1), ("seconds", 1, processes))[: 1 + clock]:
            one = {name: cost[of] for name, cost in within.items()}
            said += _over_in_total(one, budget, unit, budget.total[of], shared)
            said += _over_each(one, budget, unit, budget.each[of])
    return said


def _over_in_total(
    costs: dict[str, float], budget: Budget, unit: str, most: float, shared: int
) -> list[str]:
    if (total := sum(costs.values()) / shared) <= most:
        return []
    by_file: dict[str, float] = defaultdict(float)
    for name, cost in costs.items():
        by_file[name.partition("::")[0]] += cost
    lines = [f"{budget.folder} took {total:.0f} {unit}, {most:.0f} are its budget. Most took:"]
    return [*lines, *_most(by_file), *_most(costs)]


def _over_each(costs: dict[str, float], budget: Budget, unit: str, most: float) -> list[str]:
    return [
        f"{name} took {cost:.1f} {unit}, {most:.0f} are what one test in {budget.folder} may take"
        for name, cost in costs.items()
        if 0 < most < cost
    ]


def _most(costs: Mapping[str, float]) -> list[str]:
    first = sorted(costs.items(), key=lambda item: -item[1])[:SHOWN]
    return [f"  {cost:7.1f}  {name}" for name, cost in first]


def cpu_seconds() -> float:
    """Of this process, and of the processes that it started and that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def slowness() -> float:
    """How many times longer this machine computes now than that of the budget."""
    begun = time.thread_time()
    reduce(lambda found, step: (found * 31 + step) & 0xFFFF, range(LOOP_STEPS), 1)
    return (time.thread_time() - begun) / LOOP_SECONDS


@dataclass(eq=False)  # plugins of pytest are hashable
class Clock:
    """In each process that runs tests: measures them, and lets their reports carry the cost."""

    slowness: float = 1.0
    calibrated: float = 0.0
    begun: Cost = NOTHING

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        """Calibrate now and then, and begin to measure."""
        if time.monotonic() > self.calibrated + CALIBRATE_SECONDS:
            self.slowness, self.calibrated = slowness(), time.monotonic()
        self.begun = Cost(cpu_seconds(), time.monotonic())
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Iterator[pytest.TestReport]:
        """The last report of a test says what it took from the first set-up to the last end."""
        report: pytest.TestReport = yield
        if call.when == "teardown":
            cpu = (cpu_seconds() - self.begun.cpu) / self.slowness
            report.user_properties.append(("cost", (cpu, time.monotonic() - self.begun.clock)))
        return report


@dataclass(eq=False)  # plugins of pytest are hashable
class Judge:
    """In the process that the run was started with: adds up, and fails what is over the budget."""

    clock: bool
    processes: int = 1
    costs: dict[str, Cost] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the cost from a report, which may come from another process."""
        for name, value in report.user_properties if report.when == "teardown" else ():
            if name == "cost":
                self.costs[report.nodeid] = Cost(*value)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that else has passed."""
        self.said = over(self.costs, BUDGETS, clock=self.clock, processes=self.processes)
        if self.said and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what the tests took, and which are over."""
        for budget in BUDGETS:
            within = [cost for name, cost in self.costs.items() if name.startswith(budget.folder)]
            total = reduce(Cost.plus, within, NOTHING)
            if within:
                terminalreporter.write_line(
                    f"{budget.folder}: {total.cpu:.0f} of {budget.total.cpu:.0f} CPU seconds, "
                    f"{total.clock / self.processes:.0f} of {budget.total.clock:.0f} by the clock"
                )
        if self.said:
            terminalreporter.section("over the budget of time (tests/budget.py)", red=True)
            terminalreporter.write_line("\n".join(self.said))


def register(config: pytest.Config, *, judged: bool) -> None:
    """Measure in every process, judge in the one that reports, unless a suite runs in full."""
    config.pluginmanager.register(Clock(), "clock")
    if judged and not hasattr(config, "workerinput"):
        processes = config.getoption("numprocesses", None) or 1
        judge = Judge(clock=bool(os.environ.get("CI")), processes=processes)
        config.pluginmanager.register(judge, "budget")
