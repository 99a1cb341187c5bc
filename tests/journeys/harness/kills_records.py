"""What `make kills` has run so far: one line per case, by commit, so that it can be run in parts.

The records are in `.kills/COMMIT/`, outside of the repository. A case that is recorded there is not
run again; docs/kills.md is the summary of all records of a commit (`kills_page`).
"""

import fcntl
import json
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[3]
PAGE = "docs/kills.md"
PART = re.compile(r"([1-9]\d*)/([1-9]\d*)")
"""Accepted as PART: the third of four parts is 3/4."""

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """The `number`th of `count` parts of all cases."""

    number: int
    count: int

    @classmethod
    def chosen(cls) -> "Part":
        """The part that the environment asks for; all of it without PART. ValueError otherwise."""
        text = os.environ.get("PART") or "1/1"
        found = PART.fullmatch(text)
        part = cls(*map(int, found.groups())) if found else cls(1, 0)
        if part.number > part.count:
            raise ValueError(f"PART={text}: write the number of a part and how many there are: 2/4")
        return part

    def of(self, cases: Sequence[T]) -> list[T]:
        """The cases of this part."""
        return list(cases[self.number - 1 :: self.count])


@dataclass(frozen=True)
class Records:
    """The records of one section: what was run, with which kind of database."""

    section: str
    database: str

    @property
    def path(self) -> Path:
        """The file with one JSON object per line."""
        name = re.sub(r"\W+", "-", f"{self.section} {self.database}").lower()
        return ROOT / ".kills" / version() / f"{name}.jsonl"

    def read(self) -> dict[str, dict[str, Any]]:
        """All records, by the key of the case; a line cut off by a kill is left out."""
        if not self.path.exists():
            return {}
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]
        return {record["case"]: record for record in map(json.loads, lines)}

    def add(self, case: str, **found: Any) -> None:
        """Record a case as run."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps({"case": case, **found}) + "\n")

    def missing(self, cases: Iterable[str]) -> list[str]:
        """The cases that are not recorded yet."""
        known = self.read()
        return [case for case in cases if case not in known]


@cache
def version() -> str:
    """The commit of the code under test, marked if the working copy is changed."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", f":!{PAGE}")
    return f"{commit}-changed" if changed else commit


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
