"""docs/kills.md: a summary of killed and disturbed runs, one row per section.

Written from the records of `make kills` (`kills_records`), which hold every single case. A row
stays until its section is run on another commit.
"""

import fcntl
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.journeys.harness.kills_records import PAGE, ROOT, Records, version
from tests.journeys.harness.scenarios import SEED

_ABOUT = """# Runs that are killed or disturbed

Written by `make kills`: flows in processes of their own, against the sandbox's MailUp and file
servers, a real Prefect server and a real ledger. An *instant* is before or after an operation of
the file server, a call of MailUp, a commit of the ledger or a file of its storage, or when half of
a file is uploaded. A process is killed with SIGKILL; the next run continues with what it left.

*Lost* is a state or row of an undisturbed run that is missing. *Doubled* is a state, a mail or a
delivered row that an undisturbed run does not leave, or a file that the client could read when a
run died and that is not among the final files. An import that was sent to MailUp again, because its
arrival could not be proven, is counted separately: it changes nobody's data and sends no mail.

**Imports**: a file of 39 rows (valid ones, rejected ones, duplicates, an opt-out, one that MailUp
rejects) in batches of 20; the same with `delta` on and missing people who are unsubscribed; and two
clients of one list, each with its file. Each client's runs are killed at three instants in
sequence, each later than the one before, then at a random moment; the last run completes. All
instants of an undisturbed run are covered. A *stopped* run is paused (SIGSTOP) at each instant
between the commit of a batch and MailUp's answer, while other runs import its file and a newer one
of the same people; then it continues. The state of MailUp, of the client's server and of the ledger
is compared with that after an undisturbed run.

**Exports**: seven streams (each kind of export, each view) at four moments of some days of traffic.
Runs are killed at one instant after the other, then at a random moment. What was delivered at each
moment is compared with MailUp's own event log, row by row, and so are the windows, their names and
their bytes, and what is left on the client's server and in the storage.

**Outages**: at every step that needs the file server, MailUp, the ledger or disk space, a temporary
and a permanent failure begins; the kinds alternate. A run has to recover, or to fail within two
minutes with an error that says what to do next, and the run after it has to end as an undisturbed
one. Waits are shorter than in production.

Every case is a line of `.kills/COMMIT/`. `make kills` continues after an interruption, `PART=2/4`
runs a part, `KILLS_SEED` repeats the same random choices.
"""
_HEAD = ["section", "ledger", "cases", "where or how they ended", "sent once more", "lost",
         "doubled", "run"]  # fmt: skip
_KINDS = {
    "server:": "file server", "storage:": "storage", "GET": "MailUp", "POST": "MailUp",
    "PUT": "MailUp", "DELETE": "MailUp",
}  # fmt: skip


def write_row(records: Records) -> None:
    """Replace the section's row by the summary of its records, or append it."""
    path = ROOT / PAGE
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # other processes write their rows
        file.seek(0)
        rows = dict(_rows(file.read()))
        row = _row(records)
        rows[row[0], row[1]] = row
        file.truncate(0)
        file.write(f"{_ABOUT}\n{_table([_HEAD, ['---'] * len(_HEAD), *sorted(rows.values())])}\n")


def summary(records: Records) -> str:
    """The row of a section as one line of text."""
    return " | ".join(_row(records))


def _rows(page: str) -> Iterable[tuple[tuple[str, str], list[str]]]:
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == len(_HEAD) and cells[0] not in ("---", _HEAD[0]):
            yield (cells[0], cells[1]), cells


def _row(records: Records) -> list[str]:
    cases = list(records.read().values())
    ends = Counter(end for case in cases for end in _ends(case))
    seconds = sum(case["seconds"] for case in cases)
    endings = ", ".join(f"{kind} {count}" for kind, count in ends.most_common())
    run = f"{datetime.now(UTC):%Y-%m-%d}, {version()}, {seconds:.0f} s, seed {SEED}"
    sums = [str(sum(case.get(name, 0) for case in cases)) for name in ("extra", "lost", "doubled")]
    return [records.section, records.database, str(len(cases)), endings, *sums, run]


def _ends(case: Mapping[str, Any]) -> list[str]:
    """The kinds of instants at which runs of this case were killed, or how its run ended."""
    if "became" in case:
        return [case["became"]]
    return [kind(label) for label in case["died"]]


def kind(label: str) -> str:
    """The service that an instant belongs to."""
    return _KINDS.get(label.split(" ")[0], "ledger")


def _table(lines: Iterable[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
