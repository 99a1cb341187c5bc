"""What an ordinary run plays only a sample of, and the make target that plays all of it.

`python -m tests.samples` prints the table, as `.ci/run` does at its end.
"""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A suite that is too long for each run: where it is, what is played of it, and all of it."""

    place: str
    played: str
    whole: str
    target: str
    variable: str

    @property
    def is_whole(self) -> bool:
        """Whether this run plays all of it."""
        return bool(os.environ.get(self.variable))


SAMPLES = (
    Sample(
        "tests/journeys/test_exports_truth.py",
        "6 export streams over 4 days, each killed 3 times",
        "7 streams over a month, each killed 12 times",
        "make truth", "MAILUP_TRUTH",
    ),
    Sample(
        "tests/journeys/: kills, outages, delta",
        "some instants, chosen anew each time",
        "every instant, on SQLite and PostgreSQL; runs that stand still",
        "make kills", "KILLS",
    ),
    Sample(
        "tests/variants/",
        "some variants of MailUp, the same each time",
        "every variant alone, and every pair of them",
        "make variants", "VARIANTS",
    ),
    Sample(
        "tests/histories/test_consent_histories.py",
        "some histories of people and files",
        "150 histories, or N",
        "make histories", "HISTORIES",
    ),
    Sample(
        "properties (hypothesis), tests/journeys/test_hostile_drop.py",
        "few examples of each property, one file of each kind of damage",
        "30 times as many examples, every damaged file",
        "make examples", "EXAMPLES",
    ),
)  # fmt: skip


def table() -> str:
    """One line for each suite."""
    return "\n".join(
        f"{each.place}\n  sampled here: {each.played}\n  in full by `{each.target}`: {each.whole}"
        for each in SAMPLES
    )


if __name__ == "__main__":
    print(table())
