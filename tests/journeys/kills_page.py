"""docs/kills.md: what came of killed and disturbed runs, section by section as they were run."""

import fcntl
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "kills.md"
_ABOUT = """# Runs that are killed or disturbed

Written by `make kills`, each section by its own run: flows in processes of their own, against the
sandbox's MailUp and file servers, a real Prefect server and a real ledger. An *instant* is before
or after a verb of the file server, a call of MailUp, a commit of the ledger or a file of its
storage, or when half of a file is uploaded. A process that is killed there gets SIGKILL; the next
run begins with what it left.

**Imports**: a file of 39 rows (good ones, rejected ones, duplicates, an opt-out, one that MailUp
refuses) in batches of 20. Each client's runs die at three instants in a row, ever later, then at a
random moment; the last run lives. Each instant of an undisturbed run is one of them. Afterwards
everything that can be seen is compared with a run that nobody disturbed: at MailUp each person's
fields, status, groups and subscriptions, each group and each import with its counters; on the
client's server each file's name and content (times apart); in the ledger each file, batch and step
of the journal. *Lost* is what an undisturbed run leaves and this one did not, *doubled* what this
one left beyond it, or a file that the client could read when a run died and that is not among those
in the end.

**Exports**: seven streams (each kind of export, each reading) at four moments of some days of
traffic. From the second moment on runs die at one instant after the other, some apart, until one
comes to its end, then at a random moment; at the last one where the stream has not died yet. What
arrived at each moment is compared with MailUp's own event log, row by row: *lost* is a row that was
due and did not arrive, *doubled* one that arrived and was not due. Counted as doubled, too: a
window whose file has other bytes than were rendered, also for a moment, a file that belongs to no
window, a second name for a window, and what is left lying about on the client's server or in the
storage.

**Outages** are no full grid of steps and kinds. At every step that needs the file server, MailUp,
the ledger or room on a disk, something passing and something lasting begins; the kinds take turns,
so that each is met at several steps, and begin elsewhere on the other kind of database. On SQLite
the ledger is locked by somebody else, on PostgreSQL the database is away. *Cut*: of an upload some
bytes arrive, then the connection is reset. A run has to get over it, or to end within two minutes
with an error that says what to do next. An import happens to as many clients, and the run after it
has to end as one that nobody disturbed. An export is played on: each outage has a moment of some
days of traffic for itself, each protocol meets each step of the file server, and what has arrived
before the next one, by one more run where that one failed, is compared with MailUp's event log as
above. Counted as doubled, too: windows that do not follow each other without a gap, that the
journal tells otherwise than once, and any order that MailUp was given. A lease that could not be
given back lasts for 15 s there, in earnest for a minute.
"""


def write_section(heading: str, text: str) -> None:
    """Put a section in the place of the one with its heading, or behind the others."""
    with PAGE.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # other processes write their sections
        file.seek(0)
        found = re.findall(r"^## (.+)\n\n((?:(?!^## ).*\n?)*)", file.read(), re.MULTILINE)
        sections = dict(found) | {heading: f"{text}\n\n"}
        kept = [f"## {name}\n\n{body.strip()}\n" for name, body in sorted(sections.items())]
        file.truncate(0)
        file.write("\n".join([_ABOUT, *kept]))


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
