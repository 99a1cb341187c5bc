"""What customers' ledgers and folders hold never changes: keys of events, and bytes of files."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.reports import rows
from tasks.reports.delta.new_rows import event_keys, select_new
from tasks.reports.delta.seen_events import SEEN_EVENTS
from tasks.reports.output.csv_writer import Renderer
from tasks.reports.output.formats import Format
from tasks.reports.output.layouts import EMAIL_STATISTICS, SMS_OUTCOMES, UNSUBSCRIBED, Layout
from tasks.reports.rows import MOMENT, RowKind

ODD = [
    "", "a", "A", "perché", "=1+1", "+39 02", "\tq", "a;b", 'q"q', "l\r\nm", "\x00\x85", "\ufeff",
    " ", "'", "e\u0301", "\u2028", "😀", None,
]  # fmt: skip
NOW = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def odd(kind: RowKind, different: set[str], count: int = 400) -> pl.DataFrame:
    """Rows of a kind; all have the same values, odd ones, but in the columns named."""

    def value(place: int, name: str, dtype: pl.DataType) -> Any:
        seed = place * 7 if name in different else 0
        if dtype == MOMENT:
            return None if seed % 5 == 4 else NOW - timedelta(minutes=seed % 90)
        if dtype == pl.String():
            return ODD[seed % len(ODD)] if name in different else f"{name}; {ODD[3]}"
        return None if seed % 11 == 10 else 1 + seed % 3 if name == "count" else 40 + seed

    columns = {
        name: pl.Series(name, [value(place, name, dtype) for place in range(count)], dtype=dtype)
        for name, dtype in kind.schema.items()
    }
    return pl.DataFrame(columns).with_columns(pl.lit(12, pl.Int64).alias(kind.part))


@pytest.mark.parametrize(
    ("kind", "layout", "different", "written", "expected"),
    [
        (rows.EVENTS, EMAIL_STATISTICS, {"recipient_id", "email", "kind", "at"}, Format(),
         "380 557e9f431df5130a 44d8a85908a72f63"),
        (rows.EVENTS, EMAIL_STATISTICS, {"recipient_id", "count", "details", "subject", "email"},
         Format(escape_formulas=True, quoting="always", separator=","),
         "743 296c90e7d33727a9 0fceb0f740ba9872"),
        (rows.UNSUBSCRIPTIONS, UNSUBSCRIBED, {"email", "at", "type", "subscribed_at"},
         Format(encoding="cp1252", missing_characters="replace", date_format="%d/%m/%Y %H:%M%z"),
         "89 5321ee0721ec91f2 17d28182782ab976"),
        (rows.SMS_EVENTS, SMS_OUTCOMES, {"number", "status", "sent_at"}, Format(line_end="lf"),
         "89 8d2b38709fc14570 6b2ac0d457181585"),
        (rows.EVENTS, EMAIL_STATISTICS, set(), Format(quote="'"),
         "1 cfb120e30de641a4 251618da9b247b14"),
    ],
)  # fmt: skip
def test_files_and_snapshots_keep_their_bytes(
    tmp_path: Path,
    kind: RowKind,
    layout: Layout,
    different: set[str],
    written: Format,
    expected: str,
) -> None:
    """The same rows have the same keys and make the same file as at the first delivery."""
    events = odd(kind, different)
    new = select_new(events, pl.LazyFrame(schema=SEEN_EVENTS), kind, NOW)
    with Renderer(tmp_path / "file.csv", layout.columns(), written) as writer:
        writer.write(new.rows)
        found = writer.close()
    hashed = hashlib.sha256(b"".join(event_keys(events, kind)))
    hashed.update(repr(new.added.rows()).encode())
    assert f"{found.rows} {found.sha256[:16]} {hashed.hexdigest()[:16]}" == expected
