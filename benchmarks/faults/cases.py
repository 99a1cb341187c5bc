"""The cases: files of `tests/cases/hostile`, each with its expected result next to it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "cases" / "hostile"
EXPECTED = ".expected.json"


@dataclass(frozen=True)
class Case:
    """One file and its expected result.

    `expected` has `fault` in words and `about` ("form" or "content" of the file), and either
    `held`, a reason code, or `counts` by outcome, `rejects` as [line, column, reason],
    `duplicates` (lines), `arrives` as {address: name} and `unsubscribes`. `agreement` has changes
    to the shared agreement for this case.
    """

    path: Path
    expected: dict[str, Any]

    @property
    def agreement(self) -> dict[str, Any]:
        """The shared agreement with this case's changes."""
        changed: dict[str, Any] = self.expected.get("agreement", {})
        return shared_agreement() | changed

    @property
    def outcome(self) -> dict[str, Any]:
        """The expected result, without descriptions."""
        words = ("fault", "about", "agreement")
        return {name: value for name, value in self.expected.items() if name not in words}


def shared_agreement() -> dict[str, Any]:
    """The agreement of all cases, as JSON values."""
    agreement: dict[str, Any] = json.loads((FOLDER / "agreement.json").read_text(encoding="utf-8"))
    return agreement


def kept_cases() -> Iterator[Case]:
    """All files of the folder with an expected result."""
    for beside in sorted(FOLDER.glob(f"*{EXPECTED}")):
        path = beside.with_name(beside.name.removesuffix(EXPECTED))
        yield Case(path, json.loads(beside.read_text(encoding="utf-8")))
