"""Write a ledger's audit as CSV: `python -m deployments.audit --ledger default > audit.csv`.

    --client acme         only this client; all of the ledger without it
    --since 2026-11-01    from this moment on; a date, or a time with or without offset, else UTC

One line per step of every file and every export, in the order in which they were done: when (UTC),
client, stream, the file's number in the ledger and its name, step, detail as JSON, who decided
where somebody did, and the flow run. It holds nothing of what is in the files. The ledger is only
looked at.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from blocks.errors import SyncError
from blocks.errors.shown import visible
from blocks.ledger import decisions, files, journal
from blocks.ledger.store import Store
from blocks.ledgers import Ledger
from blocks.loading import load

AUDIT_COLUMNS = (
    "at", "client", "stream", "file_id", "file_name", "step", "detail", "decided_by", "run"
)  # fmt: skip


def audit_lines(
    store: Store, client: str | None, since: datetime | None
) -> Iterator[tuple[str, ...]]:
    """The header, then one line of cells per step, read as they are asked for."""
    yield AUDIT_COLUMNS
    name_of = cache(lambda file_id: files.name_of(store, file_id))
    for entry in journal.entries(store, client, since):
        decided = entry.step == "decision"
        yield (
            f"{entry.at.isoformat(timespec='seconds')}Z",
            entry.client,
            entry.stream,
            str(entry.file_id or ""),
            _text(name_of(entry.file_id)) if entry.file_id else "",
            entry.step,
            json.dumps(entry.detail, sort_keys=True),
            _text(decisions.decided_by(store, entry.detail["id"])) if decided else "",
            entry.run,
        )


def _text(value: str) -> str:
    """A text from outside, with an apostrophe where a spreadsheet would take it for a formula."""
    return visible(f"'{value}" if value.startswith(("=", "+", "-", "@")) else value)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write a ledger's audit as CSV.")
    parser.add_argument("--ledger", required=True, help="name of the Ledger block")
    parser.add_argument("--client", help="only this client")
    parser.add_argument("--since", type=datetime.fromisoformat, help="from this moment on, UTC")
    return parser.parse_args()


def main() -> int:
    """Write the audit to standard output; 1 where the ledger cannot be read."""
    wanted = _arguments()
    try:
        with load(Ledger, wanted.ledger).open(read_only=True) as store:
            if not store.is_empty:
                csv.writer(sys.stdout).writerows(audit_lines(store, wanted.client, wanted.since))
    except SyncError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
