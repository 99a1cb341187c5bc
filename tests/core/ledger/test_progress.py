"""What a watcher reads in the ledger."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.ledger import exports, files, journal, leases, progress
from blocks.ledger.exports import ExportEntry
from blocks.ledger.files import FileKey
from blocks.ledger.store import Store, naive_utc_now

SOON = timedelta(seconds=30)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


def arrived(store: Store, client: str, content: str) -> int:
    key = FileKey(client, "import:1", content * 32)
    return files.enter(store, key, name="a.csv", size=1, agreement="x", run="r").id


def just_now(moment: datetime | None) -> bool:
    return moment is not None and abs(datetime.now(UTC) - moment) < SOON


def test_a_file_counts_when_mailup_has_it_and_not_when_it_is_held(store: Store) -> None:
    """Arrived and held is not imported; each client has its own."""
    number = arrived(store, "acme", "ab")
    files.move_to(store, number, "held", reason="cut")
    assert progress.last_import(store, "acme") is None
    assert just_now(progress.last_hold(store, "acme"))

    files.move_to(store, number, "submitted")
    assert just_now(progress.last_import(store, "acme"))
    assert progress.last_hold(store, "acme") is None
    assert progress.last_import(store, "other") is None


def test_a_file_that_was_sent_once_more_has_arrived(store: Store) -> None:
    """A client without changes sends the same content again, and is not overdue."""
    journal.note(store, "acme", "import:1", progress.SEEN_AGAIN)
    assert just_now(progress.last_import(store, "acme"))


def test_a_window_counts_when_the_client_has_it(store: Store) -> None:
    """Rendered is not delivered, and another kind of export is not this one."""
    now = naive_utc_now()
    window = ExportEntry(1, "rendered", None, now, "a.csv", 1, 1, "ab", "staged", "snapshot")
    stream = "email_statistics:1,2"
    exports.rendered(store, "acme", stream, window, agreement="x", run="r")
    assert progress.last_delivery(store, "acme", "email_statistics") is None

    exports.delivered(store, "acme", stream, 1)
    assert just_now(progress.last_delivery(store, "acme", "email_statistics"))
    other = ExportEntry(1, "delivered", None, now, "a.csv", 1, 1, "ab", "staged", "snapshot")
    exports.rendered(store, "beta", "emailXstatistics:1", other, agreement="x", run="r")
    exports.delivered(store, "beta", "emailXstatistics:1", 1)
    assert progress.last_delivery(store, "beta", "email_statistics") is None


def test_a_lease_shows_life_until_it_expires(store: Store) -> None:
    """The lease of a dead machine is ignored after a minute."""
    leases.take(store, "client/acme/import:1", seconds=60)
    leases.take(store, "client/acme/cumulative:1", seconds=-1)
    assert progress.is_running(store, "acme", "import")
    assert not progress.is_running(store, "acme", "cumulative")
    assert not progress.is_running(store, "acm", "import")
