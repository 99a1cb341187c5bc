"""Promise 4 of the import, shown: a run that dies anywhere, and is run again, loses and doubles
nothing. `make kills` lets it die at every instant; without KILLS=all it dies at some of them."""

import random
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from killed_import import Facts
from kills import Report
from kills_page import stamp
from mortal import Death, Moment
from stages import ALL, SEED, WAYS, Stage

from tests.journeys.instants import At, Nth

AT_ONCE = 4
DEATHS_IN_A_ROW = 3
SAMPLED_CLIENTS = 1
LONGEST_LIFE_SECONDS = 3.0

Deaths = list[Death]


@pytest.mark.timeout(4 * 3600 if ALL else 300)
def test_a_killed_import_ends_as_an_undisturbed_one(stage: Stage) -> None:
    """Killed at chosen and at random instants, several times in a row, and then run to its end:
    MailUp, the client's server and the ledger are as after a run that nobody disturbed, and the
    client never saw another file than it sees then."""
    begin, version = time.monotonic(), stamp()
    with stage.client("undisturbed") as client:
        before = set(client.at_the_client())
        client.run()
        expected, steps, report = client.facts(), client.steps(), Report()

    def let_die(planned: Iterable[Deaths]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for died, found, shown in pool.map(lambda deaths: _die(stage, deaths), planned):
                early = Facts(shown - before - set(expected))
                report.add(died, expected - found, (found - expected) | early)

    let_die(_planned(stage, len(steps)))
    if ALL:
        missed = [each for each in dict.fromkeys(steps) if each not in report.kills]
        let_die([[At(each)] for each in missed])
    report.tell(
        f"Imports that are killed, the ledger on {stage.kind}, the files over {WAYS[stage.kind]}",
        f"{len(steps)} instants, {expected.total()} facts of each client that are compared",
        f"{version}; {time.monotonic() - begin:.0f} s",
    )

    assert report.wrong == []
    assert report.kills
    assert not ALL or set(steps) <= set(report.kills)


def _planned(stage: Stage, instants: int) -> Iterator[Deaths]:
    """At which instants each client's runs die, ever later, and then at a random moment; with
    KILLS=all every instant is there."""
    apart, chance = -(-instants // DEATHS_IN_A_ROW), random.Random(f"{SEED} {stage.kind}")
    first = range(1, apart + 1) if ALL else chance.sample(range(1, apart + 1), SAMPLED_CLIENTS)
    for number in first:
        chosen = [Nth(number + apart * turn) for turn in range(DEATHS_IN_A_ROW)]
        yield [*chosen, Moment(chance.uniform(0, LONGEST_LIFE_SECONDS))]


def _die(stage: Stage, deaths: Deaths) -> tuple[list[str], Facts, set[tuple[str, ...]]]:
    """Die as planned, and live: where it died, what is to be seen, what the client saw before."""
    with stage.client("-".join(map(_named, deaths))) as client:
        for death in deaths:
            client.die(death)
        client.run()
        return client.died, client.facts(), client.shown


def _named(death: Death) -> str:
    """Part of the name of a client, in characters that blocks may have in theirs."""
    return "".join(filter(str.isalnum, str(death))).lower()
