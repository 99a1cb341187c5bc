"""Import slots of an account: each file gets one, in order of the requests."""

import threading
import time
from collections.abc import Iterator

import pytest

from blocks.errors import LeaseHeld
from blocks.ledger import leases, turns
from blocks.ledger.store import Store
from blocks.ledger.turns import FIRST_TURN, ImportSlot
from tests.servers.databases import Database

QUEUE = "mailup-import/acme"


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    with Store(database.url) as opened:
        yield opened


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(turns, "SHORT_TURN_SECONDS", 0.0)
    monkeypatch.setattr(turns, "_POLL_SECONDS", 0.02)


@pytest.mark.usefixtures("short_turns")
def test_a_small_import_is_not_stuck_behind_a_large_one(database: Database, store: Store) -> None:
    """A run with many batches yields to one that has a single batch, and then continues."""
    order: list[str] = []

    def small() -> None:
        with ImportSlot(theirs, QUEUE, 1, wait_seconds=10):
            order.append("small")

    with Store(database.url) as theirs, ImportSlot(store, QUEUE, 1, wait_seconds=10) as turn:
        other = threading.Thread(target=small)
        for number in range(20):
            turn.yield_to_others()
            order.append(f"large {number}")
            if not number:
                other.start()
            time.sleep(0.05)
        other.join()

    assert 0 < order.index("small") < 20
    assert order[-1] == "large 19"


def test_a_turn_is_not_given_away_before_its_time(store: Store) -> None:
    """Yielding takes time: within its first seconds an import slot is kept."""
    with ImportSlot(store, QUEUE, 1, wait_seconds=0.5) as turn:
        leases.take(store, f"{QUEUE}/waiting/0")
        turn.yield_to_others()

        assert leases.take(store, f"{QUEUE}/1") is None


def test_a_newcomer_is_let_in_after_a_moment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file does not wait for a whole slot time; returning files do."""
    monkeypatch.setattr(turns, "SHORT_TURN_SECONDS", 0.0)
    with ImportSlot(store, QUEUE, 1, wait_seconds=0.3) as turn:
        leases.take(store, f"{QUEUE}/waiting/0/again")
        turn.yield_to_others()
        assert leases.take(store, f"{QUEUE}/1") is None

        leases.take(store, f"{QUEUE}/waiting/1/{FIRST_TURN}")
        with pytest.raises(LeaseHeld):
            turn.yield_to_others()
        assert leases.take(store, f"{QUEUE}/1") is not None


@pytest.mark.usefixtures("short_turns")
def test_who_comes_back_is_no_newcomer(database: Database, store: Store) -> None:
    """Files that have had a slot alternate at long intervals, because yielding takes time."""
    other = leases.take(store, f"{QUEUE}/waiting/0/{FIRST_TURN}")
    tickets: list[str] = []

    def look(_: float) -> None:
        tickets.extend(name for (name,) in database.rows("SELECT name FROM leases"))
        leases.release(store, other or pytest.fail("the ticket was taken"))

    with ImportSlot(store, QUEUE, 1, wait_seconds=5, sleep=look) as turn:
        other = leases.take(store, f"{QUEUE}/waiting/0/{FIRST_TURN}")
        turn.yield_to_others()

    ends = [
        each.rpartition("/")[2] for each in tickets if not each.startswith(f"{QUEUE}/waiting/0/")
    ]
    assert ends == [FIRST_TURN, "again"]


@pytest.mark.usefixtures("short_turns")
def test_who_came_first_is_served_first(store: Store) -> None:
    """A free slot goes to the oldest ticket, not to the first one to look."""
    leases.take(store, f"{QUEUE}/waiting/0")
    with (
        pytest.raises(LeaseHeld, match="did not end"),
        ImportSlot(store, QUEUE, 1, wait_seconds=0.2),
    ):
        pytest.fail("the queue was jumped")


@pytest.mark.usefixtures("short_turns")
def test_nobody_waits_for_a_machine_that_died(store: Store) -> None:
    """A ticket that is not renewed expires, and so does a slot."""
    leases.take(store, f"{QUEUE}/waiting/0", seconds=-1)
    leases.take(store, f"{QUEUE}/1", seconds=-1)
    with ImportSlot(store, QUEUE, 1, wait_seconds=5):
        assert leases.take(store, f"{QUEUE}/1") is None


@pytest.mark.usefixtures("short_turns")
def test_nothing_is_left_behind(store: Store) -> None:
    """After the last turn there is neither a ticket nor a slot, so that the next one starts."""
    with ImportSlot(store, QUEUE, 1, wait_seconds=1) as turn:
        turn.yield_to_others()
    with pytest.raises(LeaseHeld), ImportSlot(store, QUEUE, 0, wait_seconds=0.05):
        pytest.fail("there is no slot")

    assert leases.take(store, f"{QUEUE}/1") is not None
    with ImportSlot(store, QUEUE, 2, wait_seconds=1):
        pass
