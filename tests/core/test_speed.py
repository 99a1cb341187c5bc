"""A guard on speed and memory, in ratios measured side by side; `make bench` has the figures."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.contacts import write_contacts

ROWS = 100_000
LONGEST_SECONDS = 300
MOST_OF_THE_FLOOR = 8.0
"""CPU time of an import beside reading and encoding alone; measured 4 to 5 on quiet and on busy
machines."""
MOST_GROWTH = 1.25
"""Peak memory beside that of a file a quarter as long; measured 1.0 to 1.1."""


def run(path: Path, *options: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pipeline", str(path), *options],
        capture_output=True, text=True, check=True, timeout=LONGEST_SECONDS,
    )  # fmt: skip
    told: dict[str, float] = json.loads(done.stdout)
    return told


def test_an_import_costs_a_bounded_multiple_of_reading_and_encoding(tmp_path: Path) -> None:
    """All checks together do not become many times dearer unnoticed."""
    contacts = tmp_path / "contacts.csv"
    write_contacts(contacts, ROWS)
    ratios = [run(contacts)["cpu"] / run(contacts, "--floor")["cpu"] for _ in range(3)]

    assert statistics.median(ratios) < MOST_OF_THE_FLOOR, ratios


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A file four times as long takes hardly more memory."""
    long = tmp_path / "long.csv"
    write_contacts(long, 4 * ROWS)
    short = tmp_path / "short.csv"
    write_contacts(short, ROWS)

    assert run(long)["memory"] / run(short)["memory"] < MOST_GROWTH
