"""Calls in an account: each next call has a reserved time, in order of the requests."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from blocks.ledger.calls import FARTHEST_SECONDS, Calls
from blocks.ledger.store import Store
from tests.servers.databases import Database

INTERVAL = 10.0
"""Long, compared with the time of a database call."""
NAME = "mailup-0123456789ab"
RUNS, ROUNDS = 4, 5


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    with Store(database.url) as opened:
        yield opened


def test_who_asks_first_calls_first(store: Store) -> None:
    """Each run's call comes an interval after the one that was wanted before it."""
    waits = [Calls(store, NAME).reserve(INTERVAL) for _ in range(3)]

    assert waits == pytest.approx([0.0, INTERVAL, 2 * INTERVAL], abs=1.0)
    assert Calls(store, "another account").reserve(INTERVAL) == 0.0


def test_a_call_in_a_moment_keeps_others_from_coming_before(store: Store) -> None:
    """A caller reserves the first possible time; later callers come after it."""
    assert Calls(store, NAME).reserve(INTERVAL, soonest=3.0) == pytest.approx(3.0, abs=1.0)
    assert Calls(store, NAME).reserve(INTERVAL) == pytest.approx(3.0 + INTERVAL, abs=1.0)


def test_a_run_alone_is_not_held_up(store: Store) -> None:
    """Where nobody else asks a run calls as soon as it may; otherwise it comes after the others."""
    mine, other = Calls(store, NAME), Calls(store, NAME)

    assert mine.reserve(INTERVAL) == mine.reserve(INTERVAL) == 0.0
    assert other.reserve(INTERVAL) == pytest.approx(INTERVAL, abs=1.0)
    assert mine.reserve(INTERVAL) == pytest.approx(2 * INTERVAL, abs=1.0)


def test_what_a_wrong_clock_has_written_is_not_waited_for(database: Database, store: Store) -> None:
    """A reservation farther away than any run waits is ignored: calls continue at once."""
    Calls(store, NAME).reserve(FARTHEST_SECONDS - INTERVAL)
    assert Calls(store, NAME).reserve(INTERVAL) == pytest.approx(FARTHEST_SECONDS - INTERVAL, abs=1)
    database.run("UPDATE leases SET expires_at = '2999-01-01 00:00:00.000000'")

    assert Calls(store, NAME).reserve(INTERVAL) == 0.0


def test_runs_at_one_moment_get_a_moment_each(database: Database, store: Store) -> None:
    """With many callers at once, calls are an interval apart, and none is left out."""
    together = threading.Barrier(RUNS)
    moments: list[float] = []

    def ask() -> None:
        with Store(database.url) as mine:
            for _ in range(ROUNDS):
                together.wait(30)
                wait = Calls(mine, NAME).reserve(1.0)
                moments.append(time.time() + wait)

    runs = [threading.Thread(target=ask) for _ in range(RUNS)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    distances = [after - before for before, after in pairwise(sorted(moments))]
    assert distances == pytest.approx([1.0] * (RUNS * ROUNDS - 1), abs=0.5)
    assert Calls(store, NAME).reserve(1.0) == pytest.approx(RUNS * ROUNDS, abs=RUNS)
