"""All benchmarks: `python -m benchmarks --peers PYTHON [--write FOLDER]`, called by `make bench`.

Takes about an hour on two cores; run it on an idle machine. With --write the tables are written to
FOLDER/performance.md, below its line `<!-- measured -->`. With --only, which can be repeated, only
some parts are measured and printed.
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
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="contacts compared with the peers"
    )
    parser.add_argument("--most", type=int, default=10_000_000, help="contacts of the largest file")
    parser.add_argument(
        "--only", action="append", choices=parts.NAMES, help="measure only this part"
    )
    parser.add_argument("--write", type=Path, help="folder of performance.md")
    chosen = parser.parse_args()
    if chosen.only and chosen.write:
        parser.error("--write needs all parts: remove --only")
    texts = [_where()]
    wanted = chosen.only or parts.NAMES
    plot = chosen.write / "performance.svg" if chosen.write else None
    with tempfile.TemporaryDirectory() as folder:
        for part in parts.measure(
            Path(folder), wanted, chosen.peers, chosen.rows, chosen.most, plot
        ):
            texts.append(part)
            if chosen.write:
                _write(chosen.write / "performance.md", "\n".join(texts))
    print("\n".join(texts))


def _write(page: Path, text: str) -> None:
    """Write the results so far below the mark; called after each part."""
    kept = page.read_text(encoding="utf-8").partition(MARK)[0]
    page.write_text(f"{kept}{MARK}\n\n{text}", encoding="utf-8")


def _where() -> str:
    """Date, commit, machine and versions of the measurement."""
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
        "runs each, alternating; median (minimum to maximum).\n"
    )


if __name__ == "__main__":
    main()
