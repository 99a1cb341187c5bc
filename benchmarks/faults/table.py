"""What became of each file, here and in dlt, as rows of a table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.faults.cases import Case

Rows = dict[str, str | None]
_HEAD = (
    "| Fault | should arrive | here | dlt: arrived | lost silently | bad rows delivered "
    "| whole file refused |\n| --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True)
class Verdict:
    """One file: rows that should arrive, our outcome as it was, and what dlt delivered.

    `arrived` are rows of dlt that should arrive; `lost` those that did not though its run ended
    well; `bad` rows that should not, all of them where the file has to be held; `refused` is its
    error.
    """

    case: Case
    ours: dict[str, Any]
    arrived: int
    lost: int
    bad: int
    refused: str

    @property
    def ours_right(self) -> bool:
        """Whether the product did what is expected."""
        expected = dict(self.case.outcome)
        if "rejects" in expected:
            expected["rejects"] = sorted(expected["rejects"])
        return self.ours == expected

    @property
    def dlt_right(self) -> bool:
        """Whether dlt delivered all good rows and no other, whatever it says of the rest."""
        return self.bad == 0 and self.arrived == len(self.case.outcome.get("arrives", {}))

    def line(self) -> str:
        """The table's row."""
        good = len(self.case.outcome.get("arrives", {}))
        cells = (self.case.expected["fault"], good, _ours(self.ours), self.arrived, self.lost,
                 self.bad, self.refused or "")  # fmt: skip
        return "| " + " | ".join(map(str, cells)) + " |"


def verdict(case: Case, ours: dict[str, Any], theirs: dict[str, Any]) -> Verdict:
    """Hold a case against what dlt delivered of it."""
    good = set(case.outcome.get("arrives", {}).items())
    rows = {(_plain(email).lower(), _plain(name)) for email, name in theirs["rows"]}
    error = theirs["error"]
    arrived = len(rows & good)
    lost = 0 if error else len(good) - arrived
    return Verdict(case, ours, arrived, lost, len(rows - good), error)


def _plain(text: str | None) -> str:
    return (text or "").strip(" \u00a0\u200b\u200e\ufeff")


def _ours(outcome: dict[str, Any]) -> str:
    if "held" in outcome:
        return f"held: {outcome['held']}"
    counts = outcome["counts"]
    told = [f"{counts.get('submitted', 0)} arrive"]
    told += [f"{counts[word]} listed" for word in ("rejected",) if word in counts]
    told += [f"{counts[word]} {word}" for word in ("duplicate",) if word in counts]
    return ", ".join(told)


def markdown(verdicts: Iterable[Verdict], version: str) -> str:
    """The whole document."""
    found = list(verdicts)
    form = [each for each in found if each.case.expected["about"] == "form"]
    content = [each for each in found if each.case.expected["about"] == "content"]
    parts = [
        "# Damaged and hostile files, side by side",
        _ABOUT.format(version=version),
        "## The file itself",
        _score(form),
        "\n".join([_HEAD, *(each.line() for each in form)]),
        "## What is in the cells",
        "dlt checks no contents unless told to: to deliver these rows is no fault of its own.",
        "\n".join([_HEAD, *(each.line() for each in content)]),
    ]
    return "\n\n".join(parts) + "\n"


def _score(verdicts: list[Verdict]) -> str:
    ours = sum(each.ours_right for each in verdicts)
    theirs = sum(each.dlt_right for each in verdicts)
    return (
        f"As expected here: {ours} of {len(verdicts)}. Exactly the rows that should arrive, or "
        f"nothing of a file that has to be held, in dlt: {theirs} of {len(verdicts)}."
    )


_ABOUT = """Written by `make faults`: the files of `tests/cases/hostile`, archives and floods that
`benchmarks/faults/made.py` writes, and one line of a gigabyte. dlt {version} reads the same files
with its filesystem source and `read_csv(sep=";", dtype=str)`, defaults otherwise, into a custom
destination that collects rows. With an encoding or a separator set for each file it would read more
of them: those rows show missing detection, not inability, and dlt does not claim to open archives.

*Lost silently*: rows that should arrive and did not, in a run that ended well. *Bad rows
delivered*: others than those; of a file that has to be held, all. *Whole file refused*: the error
that ended the run, good rows and all. dlt names no line."""
