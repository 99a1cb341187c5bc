"""All cases, here and in dlt: `python -m benchmarks.faults --peer PYTHON [--write FILE]`."""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.faults import made
from benchmarks.faults.cases import Case, kept_cases
from benchmarks.faults.ours import outcome
from benchmarks.faults.table import Verdict, markdown, verdict

PEER = Path(__file__).with_name("peer_dlt.py")
QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
LONGEST_LINE = 1024
PEER_SECONDS = 1800


def all_cases(folder: Path) -> Iterator[Case]:
    """The stored cases, and those generated in `folder`; the huge line is last."""
    yield from kept_cases()
    yield from made.cases(folder)
    yield made.one_line(folder, LONGEST_LINE)


def of_peer(python: str, cases: Iterable[Case]) -> dict[str, dict[str, Any]]:
    """The results of dlt, by file name."""
    command = [python, str(PEER), *(str(case.path) for case in cases)]
    done = subprocess.run(
        command, env={**os.environ, **QUIET}, check=True, capture_output=True, text=True,
        timeout=PEER_SECONDS,
    )  # fmt: skip
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {each["file"]: each for each in results}


def of_us(case: Case) -> dict[str, Any]:
    """The product's result for a case."""
    with tempfile.TemporaryDirectory() as folder:
        return outcome(case, Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True, help="Python of an environment with dlt")
    parser.add_argument("--write", type=Path, help="file for the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made_here:
        cases = list(all_cases(Path(made_here)))
        theirs = of_peer(options.peer, cases)
        verdicts: list[Verdict] = [
            verdict(case, of_us(case), theirs[case.path.name]) for case in cases
        ]
    version = next(iter(theirs.values()))["version"]
    text = markdown(verdicts, version)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    wrong = [each.case.path.name for each in verdicts if not each.ours_right]
    if wrong:
        raise SystemExit(f"Not as expected: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
