"""Promise 4 of the import, shown: a run that dies anywhere, and is run again, loses and doubles
nothing. `make kills` lets it die at every instant; without KILLS=all it dies at some of them."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from killed_import import Facts
from kills_page import stamp, table, write_section
from stages import ALL, SEED, WAYS, Stage

AT_ONCE = 3
DEATHS_IN_A_ROW = 3
SAMPLED_CLIENTS = 2
LONGEST_LIFE_SECONDS = 4.0


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
        lines: list[list[object]] = [
            [instant, kills, self.lost[instant], self.doubled[instant]]
            for instant, kills in sorted(self.kills.items())
        ]
        lines.append(["**all**", self.kills.total(), self.lost.total(), self.doubled.total()])
        return table(["died at", "kills", "lost", "doubled"], lines)


@pytest.mark.timeout(4 * 3600 if ALL else 300)
def test_a_killed_import_ends_as_an_undisturbed_one(stage: Stage) -> None:
    """Killed at chosen and at random instants, several times in a row, and then run to its end:
    MailUp, the client's server and the ledger are as after a run that nobody disturbed."""
    begin, version = time.monotonic(), stamp()
    with stage.client("undisturbed") as client:
        assert client.run()
        report, instants = Report(client.facts()), len(client.steps())
    lives = list(_deaths(stage, instants))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for died, found in pool.map(lambda deaths: _die(stage, deaths), lives):
            report.add(died, found)
    what = f"Imports that are killed, the ledger on {stage.kind}, the files over {WAYS[stage.kind]}"
    told = (
        f"{len(lives)} clients, {instants} instants, {report.kills.total()} kills: "
        f"{report.lost.total()} lost, {report.doubled.total()} doubled, of "
        f"{report.expected.total()} facts of each client that are compared "
        f"({version}; KILLS_SEED={SEED}; {time.monotonic() - begin:.0f} s)."
    )
    print(f"\n{what}\n{told}\n{report}")
    if ALL:
        write_section(what, f"{told}\n\n{report}")

    assert report.wrong == []
    assert report.kills.total() >= instants if ALL else report.kills


def _deaths(stage: Stage, instants: int) -> Iterator[list[int]]:
    """At which instants each client's runs die, ever later; with KILLS=all every one is there."""
    apart, chance = -(-instants // DEATHS_IN_A_ROW), random.Random(f"{SEED} {stage.kind}")
    first = range(1, apart + 1) if ALL else chance.sample(range(1, apart + 1), SAMPLED_CLIENTS)
    for number in first:
        yield [number + apart * turn for turn in range(DEATHS_IN_A_ROW)]


def _die(stage: Stage, deaths: list[int]) -> tuple[list[str], Facts]:
    """Die at the chosen instants, then at a random moment, and live."""
    name = "-".join(map(str, deaths))
    seconds = random.Random(f"{SEED} {stage.kind} {name}").uniform(0.5, LONGEST_LIFE_SECONDS)
    with stage.client(name) as client:
        for deadly in deaths:
            client.run(deadly=deadly)
        client.run(seconds=seconds)
        assert client.run()
        return client.died, client.facts()
