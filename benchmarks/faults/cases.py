"""The cases: files of `tests/cases/hostile`, each with what is expected of it beside it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "cases" / "hostile"
EXPECTED = ".expected.json"


@dataclass(frozen=True)
class Case:
    """One file and what has to become of it.

    `expected` says `fault` in words and `about` ("form" or "content" of the file), and either
    `held`, the code of the reason, or `counts` by outcome, `rejects` as [line, column, reason],
    `duplicates` (lines), `arrives` as {address: name} and `unsubscribes`. `agreement` holds the
    parts of the shared agreement that are different for this case.
    """

    path: Path
    expected: dict[str, Any]

    @property
    def agreement(self) -> dict[str, Any]:
        """The agreement that all cases share, changed as this one needs it."""
        return shared_agreement() | self.expected.get("agreement", {})

    @property
    def outcome(self) -> dict[str, Any]:
        """What is expected, without the words about it."""
        words = ("fault", "about", "agreement")
        return {name: value for name, value in self.expected.items() if name not in words}


def shared_agreement() -> dict[str, Any]:
    """What was agreed with the client of the cases, as JSON values."""
    agreement: dict[str, Any] = json.loads((FOLDER / "agreement.json").read_text(encoding="utf-8"))
    return agreement


def kept_cases() -> Iterator[Case]:
    """Every file that lies in the folder with its expectation beside it."""
    for beside in sorted(FOLDER.glob(f"*{EXPECTED}")):
        path = beside.with_name(beside.name.removesuffix(EXPECTED))
        yield Case(path, json.loads(beside.read_text(encoding="utf-8")))
