"""docs/kills.md: what came of killed and disturbed runs, section by section as they were run."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "kills.md"
_ABOUT = """# Runs that are killed or disturbed

Written by `make kills`, each section by its own run. A file of 39 rows (good ones, rejected
ones, duplicates, an opt-out, one that MailUp refuses) is imported in batches of 20 by a process of
its own, against the sandbox's MailUp and file servers, a real Prefect server and a real ledger. An
*instant* is before or after a verb of the file server, a call of MailUp, or a commit of the ledger.
Each client's runs die at several instants in a row, then at a random moment; the last run lives.

Afterwards everything that can be seen is compared with a run that nobody disturbed: at MailUp each
person's fields, status, groups and subscriptions, each group and each import with its counters; on
the client's server each file's name and content (times apart); in the ledger each file, batch and
step of the journal. *Lost* is what an undisturbed run leaves and this one did not, *doubled* what
this one left beyond it.
"""


def write_section(heading: str, text: str) -> None:
    """Put a section in the place of the one with its heading, or behind the others."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    sections = dict(re.findall(r"^## (.+)\n\n((?:(?!^## ).*\n?)*)", page, re.MULTILINE))
    sections[heading] = f"{text}\n\n"
    kept = "".join(f"## {name}\n\n{body.strip()}\n\n" for name, body in sorted(sections.items()))
    PAGE.write_text(f"{_ABOUT}\n{kept}".rstrip() + "\n", encoding="utf-8")


def table(head: list[str], rows: list[list[object]]) -> str:
    """Markdown's table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def stamp() -> str:
    """Day and version of what was run; a changed working copy says so."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", f":!{PAGE.relative_to(ROOT)}")
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}{', changed' if changed else ''}"


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
