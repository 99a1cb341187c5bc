"""Damaged and hostile files: good rows arrive and bad ones are listed, or the file is held."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.faults import made
from benchmarks.faults.cases import FOLDER, Case, kept_cases
from benchmarks.faults.ours import outcome, prepared
from benchmarks.faults.table import markdown, verdict
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import Dialect, resolve
from tasks.records.results.parts import read_parts
from tasks.records.results.reject_file import write_rejects

ROOT = FOLDER.parents[2]
KEPT = {case.path.name: case for case in kept_cases()}
MADE = [*made.ARCHIVES, *made.FLOODS]
SPARE_KILOBYTES = 40_000
"""Memory that the largest line may cost beyond a small file; the line itself has 50 megabytes."""


def expected(case: Case) -> dict[str, object]:
    """The case's expectation, its faults in the order of lines."""
    sorted_ = {"rejects": sorted(case.outcome["rejects"])} if "rejects" in case.outcome else {}
    return case.outcome | sorted_


@pytest.mark.parametrize("name", KEPT)
def test_a_damaged_file_ends_as_expected(tmp_path: Path, name: str) -> None:
    """Good rows arrive and bad ones are listed with line, column and reason, or all is held."""
    assert outcome(KEPT[name], tmp_path) == expected(KEPT[name])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Case]]:
    folder = tmp_path_factory.mktemp("made")
    yield {case.path.stem: case for case in made.cases(folder)}


@pytest.mark.parametrize("name", MADE)
def test_an_archive_or_a_flood_ends_as_expected(
    tmp_path: Path, written: dict[str, Case], name: str
) -> None:
    """What is built to harm is held or read for what it is, and nothing leaves the folder."""
    inside = tmp_path / "a" / "b" / "c"
    inside.mkdir(parents=True)
    assert outcome(written[name], inside) == expected(written[name])
    outside = [path for path in tmp_path.rglob("*") if inside not in (path, *path.parents)]
    assert outside == [tmp_path / "a", tmp_path / "a" / "b"]


@pytest.mark.parametrize("name", [name for name, case in KEPT.items() if "rejects" in case.outcome])
def test_what_comes_back_can_be_dropped_again(tmp_path: Path, name: str) -> None:
    """A reject file, made from whatever damage, is itself a sound file of as many records."""
    read = prepared(KEPT[name], tmp_path)
    assert read.dialect is not None
    path = tmp_path / "rejects.csv"
    listed = write_rejects(path, read_parts(read.rejects), read.dialect, "it")
    again = list(read_chunks(path, resolve(path, Dialect())))
    assert listed == read.counts.rejected == sum(chunk.records for chunk in again)
    assert all(chunk.rejects.is_empty() for chunk in again)


def memory(case: Path) -> int:
    """Kilobytes that a process needs at most to read one case."""
    command = [sys.executable, "-m", "benchmarks.faults.memory", str(case)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(done.stdout)


def test_a_line_of_fifty_megabytes_costs_one_row_and_little_memory(tmp_path: Path) -> None:
    """The endless line is refused by itself, and memory does not grow with it."""
    long = made.one_line(tmp_path, 50)
    assert outcome(long, tmp_path / "read") == expected(long)
    assert memory(long.path) < memory(made.one_line(tmp_path, 0).path) + SPARE_KILOBYTES


def test_cases_are_complete() -> None:
    """Every file of the folder has its expectation beside it, and none is without a file."""
    beside = {f"{name}.expected.json" for name in KEPT}
    assert {path.name for path in FOLDER.iterdir()} == {*KEPT, *beside, "agreement.json"}


def test_the_comparison_counts_what_is_lost_and_what_is_damaged() -> None:
    """Good rows that are missing after a run that ended well are lost, others are not good; a run
    that fails refuses the whole file, and loses nothing silently."""
    case = KEPT["missing_field.csv"]
    good = [list(row) for row in case.outcome["arrives"].items()]
    found = {"rows": [*good[1:], ["meno.missing@example.it", "Meno"]], "error": ""}
    seen = verdict(case, expected(case), found)
    assert (seen.arrived, seen.lost, seen.bad) == (len(good) - 1, 1, 1)
    failed = verdict(case, expected(case), {"rows": [], "error": "ReadError"})
    assert (failed.arrived, failed.lost, failed.bad) == (0, 0, 0)
    assert (seen.ours_right, seen.dlt_right, failed.dlt_right) == (True, False, False)
    assert "8 arrive, 1 listed | 7 | 1 | 1 |" in markdown([seen, failed], "1.31.0")
