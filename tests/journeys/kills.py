"""What came of killed runs, by the instant at which they died."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kills_page import table, write_section
from stages import ALL, SEED


@dataclass
class Report:
    """Kills, and what was lost and doubled by clients whose runs died there."""

    kills: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, died: Iterable[str], lost: Counter[Any], doubled: Counter[Any]) -> None:
        """A client whose runs died at these instants, and what it lost and doubled."""
        instants = list(died)
        for instant in instants:
            self.kills[instant] += 1
            self.lost[instant] += lost.total()
            self.doubled[instant] += doubled.total()
        if lost or doubled:
            self.wrong.append(f"died: {instants}\nlost: {lost}\ndoubled: {doubled}")

    def tell(self, heading: str, told: str, run: str) -> None:
        """Print it; with KILLS=all it becomes a section of the page. `run` is when, and of what."""
        text = (
            f"{told}, {self.kills.total()} kills: {self.lost.total()} lost, "
            f"{self.doubled.total()} doubled ({run}; KILLS_SEED={SEED}).\n\n{self._table()}"
        )
        print(f"\n{heading}\n{text}")
        if ALL:
            write_section(heading, text)

    def _table(self) -> str:
        lines: list[list[object]] = [
            [instant, kills, self.lost[instant], self.doubled[instant]]
            for instant, kills in sorted(self.kills.items())
        ]
        lines.append(["**all**", self.kills.total(), self.lost.total(), self.doubled.total()])
        return table(["died at", "kills", "lost", "doubled"], lines)
