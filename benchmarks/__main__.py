"""All measurements side by side: `python -m benchmarks --peers PYTHON [--write FOLDER]`.

`make bench` calls it. Takes about an hour on two cores; run it on a machine that does nothing
else. With --write the tables go to FOLDER/performance.md, below its line `<!-- measured -->`. With
--only, which can be repeated, some of the parts are measured and printed.
"""

import argparse
import os
import platform
import subprocess
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from shutil import which

from benchmarks import parts

MARK = "<!-- measured -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks")
    parser.add_argument("--peers", default="", help="Python of the peers' environment")
    parser.add_argument("--rows", type=int, default=1_000_000, help="contacts beside the peers")
    parser.add_argument("--most", type=int, default=10_000_000, help="contacts of the largest file")
    parser.add_argument("--only", action="append", choices=parts.NAMES, help="one part of all")
    parser.add_argument("--write", type=Path, help="folder of performance.md")
    chosen = parser.parse_args()
    if chosen.only and chosen.write:
        parser.error("--write takes all parts: the page holds nothing else; leave --only out")
    told = [_where()]
    wanted = chosen.only or parts.NAMES
    plot = chosen.write / "performance.svg" if chosen.write else None
    with tempfile.TemporaryDirectory() as folder:
        for part in parts.told(Path(folder), wanted, chosen.peers, chosen.rows, chosen.most, plot):
            told.append(part)
            if chosen.write:
                _write(chosen.write / "performance.md", "\n".join(told))
    print("\n".join(told))


def _write(page: Path, text: str) -> None:
    """Put the figures below the mark, after each of them: an hour is easily cut off."""
    kept = page.read_text(encoding="utf-8").partition(MARK)[0]
    page.write_text(f"{kept}{MARK}\n\n{text}", encoding="utf-8")


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
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}; {parts.TIMES} "
        "runs each, in turns; median (least to most).\n"
    )


if __name__ == "__main__":
    main()
