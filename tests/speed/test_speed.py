"""Limits of speed and memory, as ratios measured side by side; `make bench` has the figures."""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.contacts import write_contacts

ROWS = 100_000
LONGEST_SECONDS = 300
MOST_OF_THE_FLOOR = 8.0
"""CPU time of an import beside reading and encoding alone; measured 4 to 5 on quiet and on busy
machines."""
MOST_GROWTH = 1.25
"""Peak memory beside that of a file a quarter as long; measured 1.0 to 1.1."""


def run(path: Path, rows: int, *options: str) -> Any:
    write_contacts(path, rows)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pipeline", str(path), *options],
        capture_output=True, text=True, check=True, timeout=LONGEST_SECONDS,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_an_import_costs_a_bounded_multiple_of_the_least_and_bounded_memory(
    tmp_path: Path,
) -> None:
    """All checks together do not become many times dearer than reading and encoding unnoticed, and
    a file four times as long takes hardly more memory."""
    short = run(tmp_path / "short.csv", ROWS, "--beside-floor")
    long = run(tmp_path / "long.csv", 4 * ROWS)

    assert statistics.median(short["ratios"]) < MOST_OF_THE_FLOOR, short
    assert long["memory"] / short["memory"] < MOST_GROWTH
