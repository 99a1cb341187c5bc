"""All measurements side by side: `python -m benchmarks --peers PYTHON [--write FOLDER]`.

`make bench` calls it. Takes about half an hour on two cores; run it on a machine that does nothing
else. With --write the tables go to FOLDER/performance.md, below its line `<!-- measured -->`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from shutil import which

from benchmarks import imports, limits, performance, small_runs, transfers
from benchmarks.measuring import Series, program, side_by_side
from benchmarks.servers import Sshd, sink, sshd

MARK = "<!-- measured -->"
TIMES = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks")
    parser.add_argument("--peers", default="", help="Python of the peers' environment")
    parser.add_argument("--rows", type=int, default=1_000_000, help="contacts beside the peers")
    parser.add_argument("--most", type=int, default=10_000_000, help="contacts of the largest file")
    parser.add_argument("--write", type=Path, help="folder of performance.md")
    chosen = parser.parse_args()
    parts = [_where()]
    with tempfile.TemporaryDirectory() as folder:
        for part in _measured(Path(folder), chosen):
            parts.append(part)
            if chosen.write:
                _write(chosen.write / "performance.md", "\n".join(parts))
    print("\n".join(parts))


def _write(page: Path, text: str) -> None:
    """Put the figures below the mark, after each of them: half an hour is easily cut off."""
    kept = page.read_text(encoding="utf-8").partition(MARK)[0]
    page.write_text(f"{kept}{MARK}\n\n{text}", encoding="utf-8")


def _measured(folder: Path, chosen: argparse.Namespace) -> Iterator[str]:
    with sshd(folder / "ssh") as server, sink(folder) as counter:
        home = folder / "prefect"
        with imports.prefect(home, server, counter) as environment:
            rows, peers = chosen.rows, chosen.peers
            everyone = imports.contenders(home, rows, server, counter, environment, peers)
            found = side_by_side(everyone, TIMES, _say)
            yield f"## Import, {rows:,} contacts\n\n" + performance.imports_table(found)
            if chosen.write and peers:
                _plot(peers, chosen.write / "performance.svg", found)
                yield "![Seconds of everyone](performance.svg)\n"
            large = imports.contenders(home, chosen.most, server, counter, environment, "")
            found = side_by_side(large, 1, _say)
            yield f"## Import, {chosen.most:,} contacts\n\n" + performance.imports_table(found)
            fresh = partial(imports.fresh, home, server, counter)
            small = side_by_side(
                small_runs.contenders(home, server, environment, fresh), TIMES, _say
            )
            yield "## Small runs\n\n" + performance.pairs_table(small, "wall", small_runs.CHEAPEST)
        yield from _transfers(folder, server)
        yield _delta(chosen.rows)
        limited = limits.measured(folder / "limited", server)
        yield "## Under MailUp's limit\n\n" + performance.limit_lines(limited)


def _transfers(folder: Path, server: Sshd) -> Iterator[str]:
    transfers.write_file(server, transfers.FILE_MEGABYTES)
    yield f"## Transfer of {transfers.FILE_MEGABYTES} MB over SFTP\n"
    with transfers.long_line(folder, server) as far:
        lines = (("loopback", server.port), (f"{transfers.ROUND_TRIP_MILLISECONDS} ms", far))
        for line, port in lines:
            for way, down in (("download", True), ("upload", False)):
                both = transfers.contenders(folder, server, port, down=down)
                found = side_by_side(both, TIMES, _say)
                yield f"{line}, {way}:\n"
                yield performance.pairs_table(found, "inside", transfers.SFTP)


def _delta(rows: int) -> str:
    """Comparing a full file with the one before, of which two rows in a hundred have changed."""
    command = [sys.executable, "-m", "benchmarks.delta", "--rows", str(rows)]
    found = []
    for number in range(TIMES):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
        _say(f"  {number + 1}/{TIMES} delta: {found[-1]}")
    head = ("sent of so many rows", "wall, s", "CPU, s", "memory, MB")
    lines = [
        (f"{told['sent']:,} of {told['rows']:,}", str(told["wall_seconds"]),
         str(told["cpu_seconds"]), str(told["peak_mb"]))
        for told in found
    ]  # fmt: skip
    return "## Row-level delta\n\n" + performance.table(head, lines)


def _plot(peers: str, path: Path, found: Mapping[str, Series]) -> None:
    bars = {
        name: sorted([*series.spread("inside"), series.median("inside")])
        for name, series in found.items()
    }
    subprocess.run([peers, *program("plot.py"), str(path)], input=json.dumps(bars), text=True,
                   check=True)  # fmt: skip


def _where() -> str:
    """On what, and of which state of the project, it was measured."""
    commit = subprocess.run(
        [which("git") or "git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    versions = ", ".join(f"{name} {version(name)}" for name in ("prefect", "polars", "paramiko"))
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} at commit `{commit or 'unknown'}`: "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}; {TIMES} runs "
        "each, in turns; median (least to most).\n"
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
