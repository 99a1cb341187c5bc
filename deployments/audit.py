"""A ledger's audit: one line per step of every file and every export.

In the order in which they were done: when (UTC), client, stream, the file's number in the ledger
and its name, step, detail as JSON, who decided where somebody did, and the flow run. It holds
nothing of what is in the files. The ledger is only read.
"""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from blocks.errors.shown import visible
from blocks.ledger import decisions, files, journal
from blocks.ledger.store import Store
from blocks.ledgers import Ledger

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


def audit_rows(
    ledger: Ledger, client: str | None, since: datetime | None
) -> Iterator[tuple[str, ...]]:
    """The audit of a ledger, header first; nothing where the ledger has never been used."""
    with ledger.open(read_only=True) as store:
        if not store.is_empty:
            yield from audit_lines(store, client, since)


def csv_line(cells: tuple[str, ...]) -> str:
    """Cells as one line of CSV, without its end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
