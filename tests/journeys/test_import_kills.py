"""Promise 4 of the import, shown: a run that dies anywhere, and is run again, loses and doubles
nothing. `make kills` lets it die at every instant; without KILLS=all it dies at some of them."""

import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.journeys.harness.kill_points import At, Nth
from tests.journeys.harness.kill_results import Report
from tests.journeys.harness.killed_import import ONE_FILE, STORIES, Facts, Story
from tests.journeys.harness.kills_records import Part
from tests.journeys.harness.run_process import Death, Moment
from tests.journeys.harness.scenarios import ALL, SEED, WAYS, Stage

AT_ONCE = 4
DEATHS_IN_A_ROW = 3
SAMPLED_CLIENTS = 1
LONGEST_LIFE_SECONDS = 3.0

Deaths = list[Death]
Died = tuple[list[str], Facts, set[tuple[str, ...]], int]


@pytest.mark.timeout(4 * 3600 if ALL else 300)
@pytest.mark.parametrize("story", STORIES if ALL else [ONE_FILE], ids=lambda each: each.name)
def test_a_killed_import_ends_as_an_undisturbed_one(stage: Stage, story: Story) -> None:
    """Killed at chosen and at random instants, several times in a row, and then run to its end:
    people, files and the ledger's outcome are as after a run that nobody disturbed, and the client
    never saw another file than it sees then."""
    with stage.client("undisturbed", story) as client:
        before = set(client.at_the_client())
        client.run()
        expected, steps, imports = client.facts(), client.steps(), client.imports()
    report = Report(f"imports over {WAYS[stage.kind]}, {story.name}: killed", stage.kind)

    def let_die(planned: Iterable[Deaths]) -> None:
        todo = {_case(deaths): deaths for deaths in planned}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = {
                case: pool.submit(_die, stage, story, todo[case]) for case in report.missing(todo)
            }
            for case, done in running.items():
                died, found, shown, given = done.result()
                early = Facts(shown - before - set(expected))
                doubled = (found - expected) | early
                report.add(case, died, expected - found, doubled, extra=given - imports)

    mine = Part.chosen()
    let_die(mine.of(list(_planned(stage, story, len(steps)))))
    if ALL:
        share = mine.of(list(dict.fromkeys(steps)))
        let_die([[At(each)] for each in share if each not in report.instants])
    report.publish()

    assert report.wrong == []
    assert report.cases
    assert not ALL or set(mine.of(list(dict.fromkeys(steps)))) <= report.instants


def _planned(stage: Stage, story: Story, instants: int) -> Iterator[Deaths]:
    """At which instants each client's runs die, ever later, and then at a random moment; with
    KILLS=all every instant is there."""
    apart = -(-instants // DEATHS_IN_A_ROW)
    chance = random.Random(f"{SEED} {stage.kind} {story.name}")
    first = range(1, apart + 1) if ALL else chance.sample(range(1, apart + 1), SAMPLED_CLIENTS)
    for number in first:
        chosen = [Nth(number + apart * turn) for turn in range(DEATHS_IN_A_ROW)]
        yield [*chosen, Moment(round(chance.uniform(0, LONGEST_LIFE_SECONDS), 3))]


def _die(stage: Stage, story: Story, deaths: Deaths) -> Died:
    """Die as planned, and live: where it died, what is left, what the client saw before, and how
    many imports MailUp was given."""
    with stage.client(_case(deaths), story) as client:
        for death in deaths:
            client.die(death)
        client.run()
        return client.died, client.facts(), client.shown, client.imports()


def _case(deaths: Deaths) -> str:
    """The name of a case, and part of the name of its blocks, in characters that these may have."""
    return "-".join("".join(filter(str.isalnum, str(death))).lower() for death in deaths)
