"""Promise 4 of the import, shown: a run that dies anywhere, and is run again, loses and doubles
nothing. `make kills` lets it die at every instant; without KILLS=all it dies at some of them."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from killed_import import Facts, Scene, scene
from prefect.settings import get_current_settings

from tests.servers.databases import KINDS, Database
from tests.servers.postgresql import postgres

ALL = os.environ.get("KILLS") == "all"
AT_ONCE = 3
DEATHS_IN_A_ROW = 3
SAMPLED_CLIENTS = 2
LONGEST_LIFE_SECONDS = 4.0

Stage = Callable[[str], AbstractContextManager[Scene]]


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Database]]:
    """New databases, by kind and name."""
    folder = tmp_path_factory.mktemp("databases")
    with postgres(folder) as server:

        def new(kind: str, name: str) -> Database:
            url = server() if kind == "postgresql" else f"sqlite:///{folder}/{name}.db"
            return Database(kind, url)

        yield new


@pytest.fixture(params=KINDS)
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, databases: Callable[[str, str], Database]
) -> Stage:
    """New clients, by name, with their ledgers in one kind of database."""
    kind, api_url = request.param, str(get_current_settings().api.url)

    def client(name: str) -> AbstractContextManager[Scene]:
        name = f"{kind}-{name}"
        return scene(tmp_path / name, name, api_url, databases(kind, name))

    return client


@dataclass
class Report:
    """What came of the kills, by the instant at which the process died."""

    expected: Facts
    kills: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, died: list[str], found: Facts) -> None:
        """A client whose run died, in this order, and what is to be seen there in the end."""
        lost, doubled = self.expected - found, found - self.expected
        for instant in died:
            self.kills[instant] += 1
            self.lost[instant] += lost.total()
            self.doubled[instant] += doubled.total()
        if lost or doubled:
            self.wrong.append(f"died: {died}\nlost: {lost}\ndoubled: {doubled}")

    def __str__(self) -> str:
        lines = [f"{'died at':<62}{'kills':>6}{'lost':>6}{'doubled':>8}"]
        lines += [
            f"{instant:<62}{kills:>6}{self.lost[instant]:>6}{self.doubled[instant]:>8}"
            for instant, kills in sorted(self.kills.items())
        ]
        totals = self.kills.total(), self.lost.total(), self.doubled.total()
        return "\n".join([*lines, "{:<62}{:>6}{:>6}{:>8}".format("all", *totals)])


@pytest.mark.timeout(4 * 3600 if ALL else 300)
def test_a_killed_import_ends_as_an_undisturbed_one(stage: Stage) -> None:
    """Killed at chosen and at random instants, several times in a row, and then run to its end:
    MailUp, the client's server and the ledger are as after a run that nobody disturbed."""
    with stage("undisturbed") as client:
        assert client.run()
        report, instants = Report(client.facts()), len(client.steps())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for died, found in pool.map(lambda deaths: _die(stage, deaths), list(_deaths(instants))):
            report.add(died, found)
    print(f"\n{report}")

    assert report.wrong == []
    assert report.kills.total() >= instants if ALL else report.kills


def _deaths(instants: int) -> Iterator[list[int]]:
    """At which instants each client's runs die, ever later; with KILLS=all every one is there."""
    apart = -(-instants // DEATHS_IN_A_ROW)
    first = range(1, apart + 1) if ALL else random.sample(range(1, apart + 1), SAMPLED_CLIENTS)
    for number in first:
        yield [number + apart * turn for turn in range(DEATHS_IN_A_ROW)]


def _die(stage: Stage, deaths: list[int]) -> tuple[list[str], Facts]:
    with stage("-".join(map(str, deaths))) as client:
        for deadly in deaths:
            client.run(deadly=deadly)
        client.run(seconds=random.uniform(0.5, LONGEST_LIFE_SECONDS))
        assert client.run()
        return client.died, client.facts()
