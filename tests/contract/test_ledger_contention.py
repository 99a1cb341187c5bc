"""Several processes at one ledger in the same moment, on each kind of database."""

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

from blocks.ledger import conditions, files, journal, leases
from blocks.ledger.files import FileKey
from blocks.ledger.store import Store
from tests.servers.databases import Database

PROCESSES = 4
ROUNDS = 8
WAIT_SECONDS = 60


@dataclass(frozen=True)
class Outcome:
    """The results of one process in one round."""

    leased: bool
    file_id: int
    is_news: bool


def contend(url: str, together: Barrier) -> list[Outcome]:
    """Request the same resources as all others, at the same time."""
    outcomes = []
    with Store(url) as store:
        for number in range(ROUNDS):
            together.wait(WAIT_SECONDS)
            lease = leases.take(store, f"client/{number}")
            together.wait(WAIT_SECONDS)
            key = FileKey("acme", "import:1", f"{number:064}")
            entry = files.enter(store, key, name="a.csv", size=1, agreement="", run="")
            together.wait(WAIT_SECONDS)
            is_news = conditions.change(store, f"client/{number}", "trouble", "held")
            outcomes.append(Outcome(lease is not None, entry.id, is_news))
    return outcomes


def race(url: str) -> list[Sequence[Outcome]]:
    """The results of the processes, by round."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(PROCESSES) as pool:
        together = manager.Barrier(PROCESSES)
        all_of_them = pool.starmap(contend, [(url, together)] * PROCESSES, chunksize=1)
    return list(zip(*all_of_them, strict=True))


def test_of_many_processes_at_one_moment_exactly_one_wins(database: Database) -> None:
    """One gets the lease, one reports the news, and all get the same file, written once.

    The database itself is made in the same moment, too.
    """
    for outcomes in race(database.url):
        assert sum(outcome.leased for outcome in outcomes) == 1
        assert sum(outcome.is_news for outcome in outcomes) == 1
        assert len({outcome.file_id for outcome in outcomes}) == 1
    with Store(database.url) as store:
        assert [line.step for line in journal.entries(store)] == ["file_entered"] * ROUNDS
