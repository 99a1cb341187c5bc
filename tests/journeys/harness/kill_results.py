"""Results of one section of killed runs, for its test and its page."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.journeys.harness.kills_page import summary, write_row
from tests.journeys.harness.kills_records import Records
from tests.journeys.harness.scenarios import ALL


@dataclass
class Report:
    """The cases of a section; with KILLS=all recorded cases count as run."""

    section: str
    database: str
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._records = Records(self.section, self.database)
        self._begin = time.monotonic()
        if ALL:
            self.cases = self._records.read()
            self.wrong = [each["wrong"] for each in self.cases.values() if each.get("wrong")]

    def add(
        self,
        case: str,
        died: Iterable[str],
        lost: Counter[Any],
        doubled: Counter[Any],
        extra: int = 0,
    ) -> None:
        """A case: instants of its kills, and what was lost, doubled and sent again."""
        instants = list(died)
        wrong = f"died: {instants}\nlost: {lost}\ndoubled: {doubled}" if lost or doubled else ""
        found = {
            "died": instants, "lost": lost.total(), "doubled": doubled.total(), "extra": extra,
            "wrong": wrong, "seconds": self.lap(),
        }  # fmt: skip
        self.keep(case, **found)

    def keep(self, case: str, **found: Any) -> None:
        """Record a case; its errors, if any, are in `wrong`."""
        self.cases[case] = {"case": case, **found}
        if found.get("wrong"):
            self.wrong.append(found["wrong"])
        if ALL:
            self._records.add(case, **found)

    def lap(self) -> float:
        """Seconds since the last case."""
        begin, self._begin = self._begin, time.monotonic()
        return round(self._begin - begin, 1)

    @property
    def instants(self) -> set[str]:
        """The labels of all instants at which a run died."""
        return {label for case in self.cases.values() for label in case.get("died", ())}

    def missing(self, cases: Iterable[str]) -> list[str]:
        """The cases that were not run yet."""
        return [case for case in cases if case not in self.cases]

    def publish(self) -> None:
        """Print the summary; with KILLS=all it becomes a row of the page."""
        if ALL:
            write_row(self._records)
            print(f"\n{summary(self._records)}")
