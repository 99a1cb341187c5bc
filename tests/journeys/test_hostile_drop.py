"""Many hostile files in one folder: each is imported or held, run after run."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults.cases import Case, kept_cases
from tasks.files.remote_paths import fitting
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import Dialect, resolve
from tests.journeys.harness.artifacts import newest

SOME = (
    "column_missing", "control_characters", "cut_in_a_row", "hole_in_the_middle", "illegal_utf8",
    "legal_quotes", "mixed_line_ends", "one_cp1252_row_in_utf8", "one_nul", "pdf",
    "two_files_in_one", "unbalanced_quote", "words_that_programs_read",
)  # fmt: skip
"""What is dropped by default; `make examples` drops all that need no agreement of their own."""
LONG = f"{'è' * 125}b.csv"
"""255 bytes, the longest name that the usual servers know."""


@pytest.fixture
def dropped(world: Any) -> dict[str, Case]:
    """The cases by the names under which they lie on the client's server."""
    cases = [case for case in kept_cases() if "agreement" not in case.outcome]
    if not os.environ.get("EXAMPLES"):
        cases = [case for case in cases if case.path.stem in SOME]
        assert len(cases) == len(SOME)
    named = {case.path.name: case for case in cases}
    named[LONG] = named.pop("hole_in_the_middle.csv")
    for name, case in named.items():
        shutil.copy(case.path, world.inbox / name)
    for name in ("bad\r\nDELE a.csv", "bad\x1b[2J.csv"):
        (world.inbox / name).write_text("email\r\nnobody@example.it\r\n")
    return named


def results(world: Any, name: str) -> dict[str, Any]:
    assert len(fitting(name, ".result.json").encode()) <= 255
    return dict(world.result(fitting(name, ".result.json").removesuffix(".result.json")))


def test_every_file_of_a_drop_ends_one_way_or_the_other(
    world: Any, dropped: dict[str, Case]
) -> None:
    """Good rows arrive and bad ones are listed, or the file is held with its reason; a held one is
    removed by the client, and the next run continues after it. Files whose names cannot be used
    stay where they are, and client and operator get a message."""
    mapping = world.agreement["mapping"]["columns"]
    birth = {"column": "nascita", "target": "field", "field": "data di nascita",
             "date_in": "%d/%m/%Y", "date_out": "%Y-%m-%d"}  # fmt: skip
    agreed = {"mapping": {"columns": [*mapping, birth]}, "dialect": {"separator": "auto"}}
    held: dict[str, str] = {}
    for _ in dropped:
        state = world.run(agreed=agreed)
        assert "2 files are skipped for their names" in state.message
        if state.is_completed():
            break
        name = state.message.partition(" is held (")[0]
        held[name] = results(world, name)["held"]["reason"]
        (world.inbox / name).unlink()

    assert held == {n: c.outcome["held"] for n, c in dropped.items() if "held" in c.outcome}
    people = world.people()
    for name, case in dropped.items():
        if name not in held:
            found = results(world, name)
            assert found["file"] == name
            counts = {key: number for key, number in found["counts"].items() if number}
            assert counts == case.outcome["counts"], name
            assert people.keys() >= case.outcome["arrives"].keys(), name
            assert _listed(world, name) == counts.get("rejected", 0), name
    _names_are_reported(world)


def _listed(world: Any, name: str) -> int:
    """How many records the client got back."""
    path: Path = world.inbox / "results" / fitting(name, ".rejects.csv")
    if not path.exists():
        return 0
    return sum(chunk.records for chunk in read_chunks(path, resolve(path, Dialect())))


def _names_are_reported(world: Any) -> None:
    left = sorted(path.name for path in world.inbox.iterdir() if path.is_file())
    assert left == ["bad\r\nDELE a.csv", "bad\x1b[2J.csv"]
    assert "control characters" in (world.inbox / "results" / "NOT-TAKEN.txt").read_text()
    (page,) = newest("acme-passed-over")
    assert "**2** in in:" in str(page.data)
    assert "DELE" not in str(page.data)
