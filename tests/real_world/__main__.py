"""All cases as a page: `python -m tests.real_world [FILE]`; ends with 1 where one is not right."""

import sys
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tests.real_world import encodings
from tests.real_world.cases import Case, Outcome, all_cases, outcome

HEAD = """# Files of the world

Files as shops, CRM systems, spreadsheets and telephones write them: each one stands for a kind of
damage or habit. Nothing in them may become wrong without a word: a value that is sent is what a
person reads in the cell, or the row is rejected, or the file is held. Written by `make real-world`;
the files, with what is agreed for each, are in `tests/cases/real_world/`.
"""
ENCODINGS = """## Encodings, not agreed

Two hundred lists of names in twenty languages, each in every encoding that has its letters, with
one to ten accented names among fifty. With `encoding: auto` a list is read if its encoding is
certain, and held otherwise.

"""
TABLE = "| file | what is in it | expected | got |\n| --- | --- | --- | --- |"


def in_words(found: Outcome) -> str:
    """An outcome in a few words."""
    if "held" in found:
        return f"held: {found['held']}"
    parts = [f"{len(found.get('sent', {}))} sent"]
    if "unsubscribed" in found:
        parts.append(f"{len(found['unsubscribed'])} unsubscribed")
    for name, word in (("rejects", "rejected"), ("skipped", "skipped"), ("notes", "left blank")):
        if name in found:
            lines = {row[0] for row in found[name]}
            reasons = ", ".join(dict.fromkeys(row[-1] for row in found[name]))
            parts.append(f"{len(lines)} {word} ({reasons})")
    return ", ".join(parts)


def rows(cases: Iterator[Case]) -> Iterator[tuple[str, str]]:
    """Kind and table row of every case; the last cell says whether it is as expected."""
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            found = outcome(case, Path(folder))
        got = "as expected" if found == case.expected else f"**{in_words(found)}**"
        if "open" in case.told:
            got = f"**{in_words(found)}** (open: {case.told['open']})"
        cells = (f"`{case.path.name}`", case.told["condition"], in_words(case.expected), got)
        yield case.kind, f"| {' | '.join(cells)} |"


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for kind, lines in groupby(rows(all_cases()), key=lambda row: row[0]):
        parts.append("\n".join([f"## {kind.capitalize()}\n", TABLE, *(line for _, line in lines)]))
    parts.append(ENCODINGS + encodings.table())
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def main() -> None:
    text = page()
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    print(text)
    if "**" in text:
        raise SystemExit("Not every file ends as expected: see the rows in bold type.")


if __name__ == "__main__":
    main()
