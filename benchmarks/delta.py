"""Cost of comparing a full file with the previous one: `python -m benchmarks.delta`.

One process makes the snapshot of a file, another one compares a file with it of which 2 % of the
rows have changed. The figures, as JSON, are of the second, without its start and without making
the file.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tasks.records.delta.snapshot import Snapshot, snapshot_of, write_snapshot

KEY = b"k" * 32
CHUNK_ROWS = 20_000
CHANGED_EVERY = 50


def records(rows: int, *, changed: bool) -> Iterator[pl.DataFrame]:
    """Records after consent was applied: e-mail, number and eight fields."""
    for first in range(0, rows, CHUNK_ROWS):
        numbers = pl.int_range(first, min(first + CHUNK_ROWS, rows), eager=True).alias("n")
        person = pl.col("n").cast(pl.String)
        other = (pl.col("n") % CHANGED_EVERY == 0) & pl.lit(changed)
        yield numbers.to_frame().select(
            channel=pl.lit("email"), list_id=pl.lit(1, pl.Int64), group=pl.lit(None, pl.String),
            clear=pl.lit(False), import_type=pl.lit("default"),
            email="cliente." + person + "@posta-di-esempio.it", prefix=pl.lit("0039"),
            number="3" + (200_000_000 + pl.col("n")).cast(pl.String),
            field_1=pl.when(other).then(pl.lit("Un altro")).otherwise(pl.lit("Niccolò")),
            field_2=pl.lit("De Luca"), field_5=pl.lit("1980-05-17"), field_6=pl.lit("Forlì"),
            field_7=pl.lit("FC"), field_8="IT-C" + person, field_9=pl.lit("1234"),
            field_10=pl.lit("negozio"),
        )  # fmt: skip


class Stopwatch:
    """Total wall and CPU seconds of its `with` blocks."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> None:
        self._start = time.monotonic(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.wall += time.monotonic() - self._start[0]
        self.cpu += time.process_time() - self._start[1]


def compare(path: Path, rows: int) -> dict[str, float]:
    """Compare a file with a snapshot, including the number of missing people."""
    watch, sent = Stopwatch(), 0
    with watch:
        snapshot = Snapshot(path, KEY)
    for chunk in records(rows, changed=True):
        with watch:
            sent += snapshot.changed(chunk).height
    with watch:
        missing = int(snapshot.compared()["missing"].sum())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": rows, "sent": sent, "missing": missing, "wall_seconds": round(watch.wall, 2),
        "cpu_seconds": round(watch.cpu, 2), "peak_mb": round(peak),
    }  # fmt: skip


def make(path: Path, rows: int) -> None:
    """Write the snapshot of the previous file."""
    write_snapshot(path, [snapshot_of(chunk, KEY) for chunk in records(rows, changed=False)], None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.delta")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--step", choices=("make", "compare"), help="only one of the two")
    parser.add_argument("--snapshot", type=Path, help="the snapshot's file")
    chosen = parser.parse_args()
    if chosen.step == "make":
        make(chosen.snapshot, chosen.rows)
    elif chosen.step == "compare":
        print(json.dumps(compare(chosen.snapshot, chosen.rows)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            again = [sys.executable, "-m", "benchmarks.delta", "--rows", str(chosen.rows)]
            for step in ("make", "compare"):
                place = ["--snapshot", f"{folder}/snapshot.parquet"]
                subprocess.run([*again, "--step", step, *place], check=True)


if __name__ == "__main__":
    main()
