"""The ledger's decisions, conditions and journal, on each kind of database."""

from collections.abc import Iterator
from datetime import UTC, timedelta

import pytest

from blocks.ledger import conditions, decisions, files, journal
from blocks.ledger.files import FileKey
from blocks.ledger.store import Store, utc_now
from tests.servers.databases import Database

NAME = "client/acme/import-recipients"


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    with Store(database.url) as opened:
        yield opened


@pytest.fixture
def entry(store: Store) -> files.FileEntry:
    key = FileKey("acme", "import:1", "ab" * 32)
    return files.enter(store, key, name="a.csv", size=10, agreement="v1", run="r1")


def decide(store: Store, entry: files.FileEntry, verdict: decisions.Verdict) -> None:
    decisions.record(
        store, entry.id, entry.attempt, reason="file_shrank", verdict=verdict,
        decided_by="Ada", note="asked the client", run="r2",
    )  # fmt: skip


def test_the_newest_decision_counts(store: Store, entry: files.FileEntry) -> None:
    """Who decides again is heard; another attempt needs a decision of its own."""
    assert decisions.latest(store, entry.id, 1) is None
    decide(store, entry, "refuse")
    decide(store, entry, "release")

    latest = decisions.latest(store, entry.id, 1)
    assert latest is not None
    assert (latest.verdict, latest.decided_by, latest.reason) == ("release", "Ada", "file_shrank")
    assert decisions.latest(store, entry.id, 2) is None


def test_the_run_that_waits_for_a_decision_is_remembered(
    store: Store, entry: files.FileEntry
) -> None:
    """A file knows which run waits for it, without looking changed."""
    files.set_waiting(store, entry.id, "r3")

    waiting = files.find(store, FileKey("acme", "import:1", "ab" * 32))
    assert waiting is not None
    assert (waiting.waiting_run, waiting.changed_at) == ("r3", entry.changed_at)


def test_a_condition_is_news_only_when_it_changes(store: Store) -> None:
    """One notice per change: a first good run is none, trouble is one, the same trouble none."""
    told = [
        conditions.change(store, NAME, "ok", ""),
        conditions.change(store, NAME, "trouble", "held"),
        conditions.change(store, NAME, "trouble", "held"),
        conditions.change(store, NAME, "trouble", "login"),
        conditions.change(store, NAME, "ok", ""),
        conditions.change(store, NAME, "ok", ""),
    ]
    assert told == [False, True, False, True, True, False]


def test_another_reason_does_not_make_trouble_younger(store: Store) -> None:
    """`since` is when the trouble began, whatever its reason was then."""
    conditions.change(store, NAME, "trouble", "held")
    first = conditions.all_of(store)[0]
    conditions.change(store, NAME, "trouble", "login")

    second = conditions.all_of(store)[0]
    assert (second.since, second.reason) == (first.since, "login")
    assert second.changed_at > first.changed_at


def test_the_journal_is_read_in_order_however_long(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines come in the order they were written, over the borders of pages, of one client."""
    monkeypatch.setattr(journal, "PAGE_ROWS", 2)
    for number in range(5):
        journal.note(store, "acme", "import:1", "batch_sent", detail={"number": number})
        journal.note(store, "other", "import:1", "batch_sent")

    assert [line.detail["number"] for line in journal.entries(store, "acme")] == [0, 1, 2, 3, 4]
    assert len(list(journal.entries(store))) == 10


def test_the_journal_is_read_from_a_moment_on(store: Store) -> None:
    """A moment with an offset means that moment; one without is UTC."""
    journal.note(store, "acme", "import:1", "file_entered")
    soon = utc_now() + timedelta(hours=1)

    assert list(journal.entries(store, since=soon)) == []
    assert list(journal.entries(store, since=soon.replace(tzinfo=UTC))) == []
    assert len(list(journal.entries(store, since=soon - timedelta(hours=2)))) == 1
