"""The ledger: files by content, batches as a journal, leases; on each kind of database."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from blocks.errors import ConfigurationError, LeaseHeld, LedgerUnavailable, RunStopped
from blocks.ledger import batches, bodies, clock, files, leases, snapshots
from blocks.ledger.files import FileKey
from blocks.ledger.store import Store, naive_utc_now
from tests.servers.databases import Database

KEY = FileKey("acme", "import:1", "ab" * 32)


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    with Store(database.url) as opened:
        yield opened


def enter(store: Store, key: FileKey = KEY, name: str = "a.csv") -> files.FileEntry:
    return files.enter(store, key, name=name, size=10, agreement="v1", run="r1")


def test_a_file_is_known_by_content_whatever_its_name(store: Store) -> None:
    """The same content under another name is the same file."""
    first = enter(store)
    again = enter(store, name="b.csv")

    assert (first.id, "a.csv") == (again.id, again.name)


def test_the_same_content_for_another_list_is_another_file(store: Store) -> None:
    """Content is remembered per client and destination."""
    assert enter(store).id != enter(store, FileKey("acme", "import:2", KEY.sha256)).id


def test_states_and_counts_are_kept_when_the_ledger_is_opened_again(database: Database) -> None:
    """What was committed is there after a restart."""
    with Store(database.url) as store:
        files.move_to(store, enter(store).id, "submitted", counts={"records": 3})

    with Store(database.url) as store:
        entry = files.find(store, KEY)
        assert entry is not None
        assert (entry.state, entry.counts) == ("submitted", {"records": 3})
        newest = files.imported_last(store, "acme", "import:1", limit=5)
        assert [(each.counts, each.size) for each in newest] == [({"records": 3}, entry.size)]


def test_an_agreement_may_have_many_lists(store: Store) -> None:
    """What a stream and its lease are called grows with the lists, on each kind of database."""
    stream = "import:" + ",".join(map(str, range(1000, 1200)))
    assert enter(store, FileKey("acme", stream, KEY.sha256)).state == "collected"
    assert leases.take(store, f"client/acme/{stream}") is not None


def test_a_second_beginning_since_a_snapshot_is_known(store: Store) -> None:
    """Also of the same file: another attempt may have other batches."""
    whose, entry = (store, "acme", "import:1"), enter(store)

    def begin() -> int:
        return snapshots.plan(
            *whose, file_id=entry.id, attempt=1, shape="s", stored="x", why="", missing=0,
            left_because="", full_at=naive_utc_now(),
        )  # fmt: skip

    first = begin()
    with store.transaction() as connection:
        snapshots.keep(connection, first, stored="x", sha256="y")
    begin()
    assert snapshots.begun_once(*whose)
    begin()
    assert not snapshots.begun_once(*whose)


def test_a_new_attempt_has_its_own_batches(store: Store) -> None:
    """Batches of an earlier attempt are kept and do not count for the next one."""
    entry = enter(store)
    _batch(store, entry, 1)
    again = files.start_again(store, entry.id, agreement="v2", run="r2")

    assert (again.attempt, again.agreement) == (2, "v2")
    assert batches.of_file(store, entry.id, 1)[0].number == 1
    assert batches.of_file(store, entry.id, 2) == []


def test_a_batch_is_written_before_it_is_sent_and_keeps_what_mailup_said(store: Store) -> None:
    """The journal shows sending, then the import id, then MailUp's counters."""
    entry = enter(store)
    batch = _batch(store, entry, 1)
    assert (batch.state, batch.import_id) == ("sending", None)

    batches.accepted(store, batch, 77)
    another = _batch(store, entry, 2)
    assert batches.claimed_imports(store, entry.id, another) == {77}
    batches.done(store, [(batch.id, {"valid": 2})])

    known = batches.of_file(store, entry.id, 1)[0]
    assert (known.state, known.import_id, known.counters) == ("done", 77, {"valid": 2})


def test_batches_that_ended_are_noted_with_the_next_one_or_not_at_all(store: Store) -> None:
    """One commit for both; without the lease neither is written."""
    entry = enter(store)
    lease = leases.take(store, "client/acme")
    assert lease is not None
    first = _batch(store, entry, 1)
    ended = [(first.id, {"valid": 2})]
    with pytest.raises(RunStopped):
        _batch(store, entry, 2, lease=leases.Lease("client/acme", "other"), ended=ended)
    assert [batch.state for batch in batches.of_file(store, entry.id, 1)] == ["sending"]

    _batch(store, entry, 2, lease=lease, ended=ended)
    assert [batch.state for batch in batches.of_file(store, entry.id, 1)] == ["done", "sending"]


def test_one_lease_has_one_holder(store: Store) -> None:
    """A second run cannot take a lease that is held, and can once it is given back."""
    first = leases.take(store, "client/acme")
    assert first is not None
    assert leases.take(store, "client/acme") is None

    leases.release(store, first)
    assert leases.take(store, "client/acme") is not None


def test_an_expired_lease_passes_on_and_its_former_holder_notices(store: Store) -> None:
    """A lease expires soon after its machine has died; a slow holder has to stop."""
    slow = leases.take(store, "client/acme", seconds=0.05)
    assert slow is not None
    time.sleep(0.1)
    assert leases.take(store, "client/acme") is not None

    with pytest.raises(RunStopped, match="taken over"), store.transaction() as connection:
        leases.require_within(connection, slow)


def test_a_held_lease_outlives_its_term(store: Store) -> None:
    """The background renewal keeps a lease for as long as the work takes."""
    with leases.held(store, "client/acme", wait_seconds=0, seconds=0.3):
        time.sleep(0.8)
        assert leases.take(store, "client/acme") is None
    assert leases.take(store, "client/acme") is not None


def test_waiting_for_a_lease_is_bounded(store: Store) -> None:
    """A run that does not get the lease in time fails with a clear message."""
    leases.take(store, "client/acme")
    with (
        pytest.raises(LeaseHeld, match="Another run holds client/acme"),
        leases.held(store, "client/acme", wait_seconds=0.2, sleep=lambda _: None),
    ):
        pytest.fail("the lease was given twice")


def test_of_many_at_once_exactly_one_takes_the_lease(database: Database) -> None:
    """Racing threads, each with its own connection: one winner."""
    won: list[leases.Lease | None] = []
    Store(database.url).close()

    def race() -> None:
        with Store(database.url) as store:
            won.append(leases.take(store, "client/acme"))

    racers = [threading.Thread(target=race) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sum(lease is not None for lease in won) == 1


@pytest.mark.parametrize(
    "url", ["nonsense", "unknown+driver://x", "mysql://x/y", "sqlite:////proc/no/l.db"]
)
def test_a_wrong_url_says_what_is_accepted(url: str) -> None:
    """A ledger that cannot be opened is a wrong setting; the message does not show the URL."""
    with pytest.raises((ConfigurationError, LedgerUnavailable)) as caught:
        Store(url)
    assert url not in str(caught.value)


def _batch(store: Store, entry: files.FileEntry, number: int, **more: Any) -> batches.BatchEntry:
    known: dict[str, Any] = {"target": {"list_id": 1}}
    return batches.write_ahead(
        store, entry.id, entry.attempt, number, rows=2, sha256="cd" * 32, after_import=5,
        **known | more,
    )  # fmt: skip


def test_bodies_are_kept_while_a_batch_to_their_list_is_open(store: Store) -> None:
    """From another file's batch that is being sent until it is done after them, in their order."""
    first, second = enter(store), enter(store, FileKey("beta", "import:1", KEY.sha256))
    for entry in (first, second):
        files.move_to(store, entry.id, "submitting")
    where: dict[str, Any] = {"target": {"list_id": 1}, "account": "a"}
    unproven = _batch(store, first, 1, **where)
    assert unproven.stored == ""
    elsewhere = _batch(store, second, 1, **where | {"target": {"list_id": 2}})
    other_account = _batch(store, second, 2, **where | {"account": "b"})
    later = _batch(store, second, 3, **where)
    assert [each.stored for each in (elsewhere, other_account)] == ["", ""]
    assert [each.stored for each in bodies.later(store, "a", 1, unproven.id)] == [later.stored]
    assert bodies.unknown_later(store, first.id, "a", 1, unproven.id) == 0
    assert bodies.outdated(store, "a") == []

    again = batches.accepted(
        store, batches.sending_again(store, unproven, possible=[7]), import_id=8
    )
    assert not batches.done_unless_later(store, again, {}, again.id)
    assert batches.done_unless_later(store, again, {}, later.id)
    batches.done(store, [(later.id, {})])
    assert [each.id for each in bodies.outdated(store, "a")] == [later.id]
    assert batches.extra_imports(store, first.id) == 1
    assert not batches.others_were_sent(store, first.id, 1)
    assert batches.others_were_sent(store, first.id, 2)
    bodies.removed(store, later.id)
    assert bodies.of_client(store, "beta") == []


def test_leases_go_by_a_clock_that_all_who_ask_share(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's own, whatever machines think; of a file, that of the one machine it is on."""
    assert leases.take(store, "client/acme") is not None
    monkeypatch.setattr(clock, "naive_utc_now", lambda: naive_utc_now() + timedelta(days=1))
    assert leases.take(store, "client/acme") is None
    started = clock.awake()
    monkeypatch.setattr(clock, "awake", lambda: started + 86_400)
    taken = leases.take(store, "client/acme")
    assert (taken is None) == (database.kind == "postgresql")
