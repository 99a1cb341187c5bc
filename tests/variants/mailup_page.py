"""docs/mailup.md: what is assumed about MailUp, who says so, and what came of every variant.

`python tests/variants/mailup_page.py` writes the table; with the file that VARIANTS_TOLD named,
also what was played.
"""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from sandbox.mailup.variants import TABLE, Variant  # noqa: E402 - as well
from tests.variants.answers import ANSWERS  # noqa: E402 - found by the line above

PAGE = ROOT / "docs" / "mailup.md"
PLAYED = "\n## Played\n"
_ABOUT = """# What is assumed about MailUp

MailUp's API is documented in part only, and nothing here may depend on a guess. Each row is one
thing that nobody has proved: how the sandbox's MailUp can be told to behave (the first value is the
best-proven one, and the default), what that rests on, what the product does whatever MailUp does,
and which line of a [first contact](first-contact.md) tells how a real account behaves. Rows without
one cannot be told by reading.

Evidence, the strongest first: *documented* by MailUp or in its own repositories; a client in
*production*; another *public client*; a *third party*'s schema; *open*: a choice of ours that
nothing supports.

The table is made from the emulator's own (`sandbox/mailup/variants.py`), and a test compares them:
a new variant is in it, and in the matrix below, by itself.

| assumption | behaviours | evidence | what we do | what tells |
| --- | --- | --- | --- | --- |
"""


def table() -> str:
    """Everything that is above what was played."""
    return _ABOUT + "".join(_row(each) for each in TABLE)


def _row(variant: Variant) -> str:
    answer = ANSWERS[variant.name]
    values = ", ".join(f"`{value}`" for value in variant.values)
    source = f": {variant.source}" if variant.source else ""
    cells = (
        f"`{variant.name}`", f"{variant.meaning} {values}", f"{variant.evidence}{source}",
        answer.done, answer.tells,
    )  # fmt: skip
    return f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |\n"


def played(lines: Sequence[Sequence[Any]]) -> str:
    """What came of the cases: counts by journey, and every sentence in which one stopped."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    cases = len({line[0] for line in lines})
    bad = [line for line in lines if not line[3]]
    head = (
        f"{PLAYED}\nWritten by `make variants` ({datetime.now(UTC):%Y-%m-%d}, commit {commit}): "
        f"{len(lines):,} journeys in {cases} cases, every variant alone and all pairs of variants "
        f"together; {len(bad)} ended otherwise than right or with a sentence that says what "
        "MailUp did and what to do.\n\n"
        "| journey | right | stopped, right in the next run | wrong |\n"
        "| --- | ---: | ---: | ---: |\n"
    )
    return head + "".join(_counts(lines)) + "".join(_sentences(lines)) + "".join(_faults(bad))


def _counts(lines: Sequence[Sequence[Any]]) -> Iterator[str]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for _, journey, verdict, good, _ in lines:
        found[journey][verdict if good else "wrong"] += 1
    for journey, counts in found.items():
        numbers = " | ".join(str(counts[each]) for each in ("right", "stopped", "wrong"))
        yield f"| {journey} | {numbers} |\n"


def _sentences(lines: Sequence[Sequence[Any]]) -> Iterator[str]:
    said: Counter[str] = Counter()
    where: dict[str, set[str]] = defaultdict(set)
    for case, _, verdict, good, told in lines:
        for each in told if verdict == "stopped" and good else ():
            said[each] += 1
            where[each].add(case)
    if said:
        yield "\nWhere journeys stopped, and what they said:\n\n"
    for each, times in said.most_common():
        cases = sorted(where[each])
        more = f" and {len(cases) - 3} more" if len(cases) > 3 else ""
        yield f"- {times} times ({', '.join(cases[:3])}{more}): {each}\n"


def _faults(bad: Sequence[Sequence[Any]]) -> Iterator[str]:
    if bad:
        yield "\nWhat ended wrong:\n\n"
    for case, journey, _, _, told in bad:
        yield f"- {journey}, {case}: {' / '.join(told)}\n"


def write(told: str = "") -> None:
    """Write the page; what was played is kept where nothing new is."""
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    kept = before.partition(PLAYED)[1] + before.partition(PLAYED)[2]
    if told:
        lines = [json.loads(line) for line in Path(told).read_text("utf-8").splitlines()]
        kept = played(lines)
    PAGE.write_text(table() + kept, encoding="utf-8")


if __name__ == "__main__":
    write(*sys.argv[1:2])
