"""docs/mailup.md: assumptions about MailUp, their evidence, and the results of every variant.

`python tests/variants/mailup_page.py` writes the table; with the file named by VARIANTS_RESULTS,
also the results.
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
_ABOUT = """# Assumptions about MailUp

MailUp's API is only partly documented, and nothing may depend on a guess. Each row is one open
question: the possible behaviours, which the sandbox's MailUp emulator can be set to (the first
value is the default, with the best evidence); the evidence; what the product does in any case; and
the line of a [first contact](first-contact.md) that shows how a real account behaves. Rows without
such a line cannot be answered by reading.

Evidence, the strongest first: *documented* by MailUp or in its own repositories; a client in
*production*; another *public client*; a *third party*'s schema; *open*: our choice, without
evidence.

The table is generated from the emulator's (`sandbox/mailup/variants.py`), and a test compares them.
A new variant is added to it, and to the tests of `make variants`, automatically.

| assumption | behaviours | evidence | what the product does | line of first contact |
| --- | --- | --- | --- | --- |
"""


def table() -> str:
    """The page without results."""
    return _ABOUT + "".join(_row(each) for each in TABLE)


def _row(variant: Variant) -> str:
    answer = ANSWERS[variant.name]
    values = ", ".join(f"`{value}`" for value in variant.values)
    source = f": {variant.source}" if variant.source else ""
    cells = (
        f"`{variant.name}`", f"{variant.meaning} {values}", f"{variant.evidence}{source}",
        answer.done, answer.check,
    )  # fmt: skip
    return f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |\n"


def played(lines: Sequence[Sequence[Any]]) -> str:
    """The results: counts by journey, and all messages with which journeys stopped."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    cases = len({line[0] for line in lines})
    bad = [line for line in lines if not line[3]]
    head = (
        f"{PLAYED}\nWritten by `make variants` ({datetime.now(UTC):%Y-%m-%d}, commit {commit}): "
        f"{len(lines):,} journeys in {cases} cases, with each variant alone and with all pairs of "
        f"variants; {len(bad)} neither ended right nor stopped with a message that says what "
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
    for case, _, verdict, good, messages in lines:
        for each in messages if verdict == "stopped" and good else ():
            said[each] += 1
            where[each].add(case)
    if said:
        yield "\nMessages with which journeys stopped:\n\n"
    for each, times in said.most_common():
        cases = sorted(where[each])
        more = f" and {len(cases) - 3} more" if len(cases) > 3 else ""
        yield f"- {times} times ({', '.join(cases[:3])}{more}): {each}\n"


def _faults(bad: Sequence[Sequence[Any]]) -> Iterator[str]:
    if bad:
        yield "\nWrong results:\n\n"
    for case, journey, _, _, messages in bad:
        yield f"- {journey}, {case}: {' / '.join(messages)}\n"


def write(results: str = "") -> None:
    """Write the page; without new results the existing ones are kept."""
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    kept = before.partition(PLAYED)[1] + before.partition(PLAYED)[2]
    if results:
        lines = [json.loads(line) for line in Path(results).read_text("utf-8").splitlines()]
        kept = played(lines)
    PAGE.write_text(table() + kept, encoding="utf-8")


if __name__ == "__main__":
    write(*sys.argv[1:2])
