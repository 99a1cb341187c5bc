"""The budget of time itself: what is too long fails the run, and names what took it."""

import re
from pathlib import Path

import pytest

from tests import budget
from tests.budget import Budget, Clock, Cost, Judge, over, slowness
from tests.samples import SAMPLES, table

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]
BOTH = (Budget("tests/core/", Cost(10, 20), each=Cost(3, 6)), Budget("tests/", Cost(100, 200)))
FEW = {"tests/core/a.py::one": Cost(2, 5), "tests/b.py::two": Cost(80, 90)}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, []),
        ({"tests/core/a.py::three": Cost(3.5, 3.5)}, ["three took 3.5 CPU seconds, 3 are"]),
        ({"tests/core/a.py::three": Cost(1, 7)}, ["three took 7.0 seconds, 6 are"]),
        (
            {f"tests/core/a.py::{n}": Cost(2, 2) for n in range(5)},
            ["tests/core/ took 12 CPU seconds, 10 are"],
        ),
        ({"tests/b.py::three": Cost(1, 120)}, ["tests/ took 215 seconds, 200 are"]),
        ({"tests/b.py::three": Cost(30, 40)}, ["tests/ took 112 CPU seconds, 100 are"]),
    ],
)
def test_what_is_over_is_said(more: dict[str, Cost], said: list[str]) -> None:
    """The sum of a folder and each test of the core, by CPU and by the clock, and nothing else."""
    found = [line for line in over(FEW | more, BOTH, clock=True) if not line.startswith("  ")]
    assert len(found) == len(said)
    assert all(part in line for part, line in zip(said, found, strict=True))


def test_the_clock_counts_only_in_ci() -> None:
    """Elsewhere other programs may take the machine, and nobody can help it."""
    waits = FEW | {"tests/core/a.py::three": Cost(1, 300)}
    assert over(waits, BOTH, clock=False) == []
    assert over(waits, BOTH, clock=True) != []


def test_processes_share_the_clock_and_not_the_work() -> None:
    """Four processes may take four times the seconds, and the same CPU seconds."""
    long = {f"tests/b.py::{number}": Cost(1, 50) for number in range(8)}
    assert over(long, BOTH, clock=True, processes=4) == []
    assert "400 seconds" in over(long, BOTH, clock=True)[0]
    busy = {f"tests/b.py::{number}": Cost(50, 50) for number in range(4)}
    assert "200 CPU seconds" in over(busy, BOTH, clock=True, processes=4)[0]


def test_what_took_most_is_named_first() -> None:
    """By file and by test."""
    costs = FEW | {"tests/c.py::three": Cost(60, 60), "tests/c.py::four": Cost(30, 30)}
    (head, *most) = over(costs, BOTH, clock=False)
    assert head.startswith("tests/ took 172 CPU seconds")
    assert [line.split()[1] for line in most][:2] == ["tests/c.py", "tests/b.py"]
    assert most[3].split()[1] == "tests/b.py::two"


@pytest.mark.parametrize(
    "body",
    [
        "sum(range(3_000_000))",
        "import threading; t = threading.Thread(target=lambda: sum(range(3_000_000)))\n"
        "    t.start(); t.join()",
        "import subprocess, sys; subprocess.run([sys.executable, '-Sc', 'sum(range(3_000_000))'])",
        "import time; time.sleep(0.06)",
    ],
    ids=["in the test", "in a thread", "in a process", "asleep"],
)
def test_a_run_that_takes_too_long_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """Wherever the time goes; the same run within its budget passes."""
    pytester.makepyfile(f"def test_slow():\n    {body}\n")
    ended = []
    for most in (0.02, 60):
        monkeypatch.setattr(budget, "BUDGETS", (Budget("", Cost(most, most)),))
        plugins = [Clock(), Judge(clock=body.startswith("import time"))]
        ran = pytester.runpytest_inprocess("-p", "no:cacheprovider", plugins=plugins)
        ended.append((ran.ret, "test_slow" in ran.stdout.str()))
    assert ended == [(1, True), (0, False)]


def test_a_slower_machine_is_measured_as_one() -> None:
    """Twice the steps of the loop are twice the slowness, so twice the seconds cost the same."""
    once = min(slowness() for _ in range(5))
    before, budget.LOOP_STEPS = budget.LOOP_STEPS, 2 * budget.LOOP_STEPS
    try:
        twice = min(slowness() for _ in range(5))
    finally:
        budget.LOOP_STEPS = before
    assert 1.5 < twice / once < 2.7


def test_each_sample_has_its_target() -> None:
    """What a make target runs in full is documented for contributors."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for sample in SAMPLES:
        recipe = makefile.partition(f"\n{sample.target.removeprefix('make ')}: ")[2]
        assert re.search(rf"\b{sample.variable}=", recipe.partition("\n\n")[0]), sample
        assert f"`{sample.target}`" in contributing
        assert sample.target in table()
    assert "-m tests.samples" in (ROOT / ".ci/run").read_text(encoding="utf-8")
