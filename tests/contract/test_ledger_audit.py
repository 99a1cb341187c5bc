"""The ledger's decisions, conditions and journal, on each kind of database."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from blocks.errors import SyncError
from blocks.ledger import archives, batches, conditions, decisions, exports, files, journal, tables
from blocks.ledger.exports import ExportEntry
from blocks.ledger.files import FileKey
from blocks.ledger.store import Store, naive_utc_now
from deployments.audit import AUDIT_COLUMNS, audit_lines
from tests.servers.databases import Database

NAME = "client/acme/import-recipients"
KEY = FileKey("acme", "import:1", "ab" * 32)
WINDOW = ExportEntry(
    0, "rendered", None, naive_utc_now(), "u.csv", 2, 99, "cd" * 32, "s/a.csv", "p/a.pq"
)


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    with Store(database.url, run="r9") as opened:
        yield opened


@pytest.fixture
def entry(store: Store) -> files.FileEntry:
    return files.enter(store, KEY, name="=a.csv", size=10, agreement="v1", run="r1")


def decide(store: Store, entry: files.FileEntry, verdict: decisions.Verdict) -> None:
    decisions.record(
        store, entry.id, entry.attempt, reason="file_shrank", verdict=verdict,
        decided_by="Ada", note="asked the client", run="r2",
    )  # fmt: skip


def test_the_newest_decision_counts(store: Store, entry: files.FileEntry) -> None:
    """The last decision counts; another attempt needs its own decision."""
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

    waiting = files.find(store, KEY)
    assert waiting is not None
    assert (waiting.waiting_run, waiting.changed_at) == ("r3", entry.changed_at)


def test_a_condition_is_news_only_when_it_changes(store: Store) -> None:
    """One notice per change: a first good run is none, trouble is one, the same trouble none."""
    found = [
        conditions.change(store, NAME, "ok", ""),
        conditions.change(store, NAME, "trouble", "held"),
        conditions.change(store, NAME, "trouble", "held"),
        conditions.change(store, NAME, "trouble", "login"),
        conditions.change(store, NAME, "ok", ""),
        conditions.change(store, NAME, "ok", ""),
    ]
    assert found == [False, True, False, True, True, False]


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
    soon = naive_utc_now() + timedelta(hours=1)

    assert list(journal.entries(store, since=soon)) == []
    assert list(journal.entries(store, since=soon.replace(tzinfo=UTC))) == []
    assert len(list(journal.entries(store, since=soon - timedelta(hours=2)))) == 1


def work(store: Store, entry: files.FileEntry) -> list[Callable[[], object]]:
    """Everything that a file and a window go through, in order."""
    sent = {"target": {"list_id": 1}, "rows": 2, "sha256": "cd" * 32, "after_import": 5}
    return [
        lambda: files.move_to(store, entry.id, "held", reason="file_shrank"),
        lambda: decide(store, entry, "release"),
        lambda: files.move_to(store, entry.id, "submitting"),
        lambda: files.start_again(store, entry.id, agreement="v2", run="r9"),
        lambda: batches.write_ahead(store, entry.id, 2, 1, **sent),
        lambda: batches.accepted(store, sent_batch(store, entry), 77),
        lambda: batches.confirming(store, 1, 88),
        lambda: batches.done(store, [(1, {"rows": 2, "valid": 1})]),
        lambda: batches.read_back(store, sent_batch(store, entry), {"state": "", "lines": [7]}),
        lambda: files.move_to(store, entry.id, "submitted", counts={"records": 2}),
        lambda: archives.keep(store, announced(store, entry)),
        lambda: archives.keep_instead(store, kept(store, entry), instead(store, entry)),
        lambda: archives.removed(store, 1),
        lambda: exports.rendered(store, "acme", "unsub:1", WINDOW, agreement="v1", run="r9"),
        lambda: exports.delivered(store, "acme", "unsub:1", 0),
    ]


def announced(store: Store, entry: files.FileEntry) -> int:
    return archives.announce(
        store, entry.id, 2, stored="archive/a.zip", grounds="ef" * 32, key="k", days=30
    )


def instead(store: Store, entry: files.FileEntry) -> int:
    return archives.announce_instead(
        store, kept(store, entry), stored="archive/b.zip", grounds="d" * 64, forgotten=2
    )


def kept(store: Store, entry: files.FileEntry) -> archives.ArchiveEntry:
    found = archives.newest(store, entry.id)
    assert found is not None
    return found


def sent_batch(store: Store, entry: files.FileEntry) -> batches.BatchEntry:
    return batches.of_file(store, entry.id, 2)[0]


def test_every_change_leaves_its_line(store: Store, entry: files.FileEntry) -> None:
    """The journal has the whole story of a file and a window: what, with which numbers, by whom.

    Doing again what is done already leaves no line.
    """
    for change in work(store, entry):
        change()
    files.enter(store, KEY, name="b.csv", size=10, agreement="v1", run="r9")
    exports.delivered(store, "acme", "unsub:1", 0)

    reported = list(journal.entries(store))
    assert [line.step for line in reported] == [
        "file_entered", "file_held", "decision", "file_submitting", "file_begun_again",
        "batch_sending", "batch_accepted", "batch_confirming", "batch_done",
        "batch_read_back", "file_submitted", "file_archived", "archive_person_removed",
        "archive_removed", "window_rendered", "window_delivered",
    ]  # fmt: skip
    assert {line.run for line in reported[1:]} == {"r9", "r2"}
    assert reported[1].detail == {"reason": "file_shrank"}
    assert reported[8].detail == {
        "attempt": 2, "number": 1, "purpose": "records", "rows": 2, "valid": 1,
    }  # fmt: skip
    assert {line.file_id for line in reported[:14]} == {entry.id}
    assert {(line.client, line.stream) for line in reported[14:]} == {("acme", "unsub:1")}


@pytest.mark.parametrize("step", range(15))
def test_a_change_without_its_line_does_not_happen(
    database: Database, store: Store, entry: files.FileEntry, step: int
) -> None:
    """The line and the change are one transaction, at every step."""
    changes = work(store, entry)
    for change in changes[:step]:
        change()
    kept = (
        "SELECT * FROM files", "SELECT * FROM batches", "SELECT * FROM exports",
        "SELECT * FROM archives WHERE state != 'storing'",
    )  # fmt: skip
    before = [repr(database.rows(query)) for query in kept]
    database.run("ALTER TABLE journal RENAME TO journal_away")

    with pytest.raises(SyncError):
        changes[step]()
    assert [repr(database.rows(query)) for query in kept] == before
    assert database.rows("SELECT count(*) FROM decisions") == [(1 if step > 1 else 0,)]


def test_the_audit_names_files_and_deciders_and_starts_no_formula(
    store: Store, entry: files.FileEntry
) -> None:
    """The CSV of the audit: formulas escaped, times with their zone."""
    decide(store, entry, "release")
    header, entered, decided = audit_lines(store, "acme", None)

    assert header == AUDIT_COLUMNS
    named = dict(zip(AUDIT_COLUMNS, decided, strict=True))
    assert (named["step"], named["decided_by"], named["run"]) == ("decision", "Ada", "r2")
    assert dict(zip(AUDIT_COLUMNS, entered, strict=True))["file_name"] == "'=a.csv"
    assert entered[0].endswith("Z")
    assert list(audit_lines(store, "nobody", None)) == [AUDIT_COLUMNS]


def test_how_long_a_file_is_kept_is_shortened_and_never_prolonged(
    store: Store, entry: files.FileEntry
) -> None:
    """The day that was agreed when it was archived holds, or an earlier one that is agreed now."""
    archives.keep(store, announced(store, entry))

    def change(**values: datetime) -> None:
        with store.transaction() as connection:
            connection.execute(update(tables.archives).values(values))

    def due(days: int, stream: str = "import:1") -> int:
        return len(archives.due_for_removal(store, "acme", stream, days))

    change(kept_at=naive_utc_now() - timedelta(days=20))
    assert (due(60), due(0), due(10), due(10, "import:2")) == (0, 0, 1, 0)
    change(expires_at=naive_utc_now())
    assert (due(60), due(0), due(0, "import:2")) == (1, 1, 1)
    assert archives.due_for_removal(store, "other", "import:1", 1) == []
