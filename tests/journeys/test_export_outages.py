"""Promise 4 of the exports in outages: what is away for a while costs a run, never a row. With
KILLS=all something goes wrong at every step (`make kills`), else at some of them."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.journeys.harness.disturbed_export import DisturbedExport, disturbed_export
from tests.journeys.harness.kill_results import Report
from tests.journeys.harness.kills_records import Part
from tests.journeys.harness.outage_results import Case, keep, publish
from tests.journeys.harness.outages import OF_THE_SERVER, OUTAGES, Outage, at_steps, by_part
from tests.journeys.harness.scenarios import ALL, SEED, Stage
from tests.journeys.harness.streams import STREAMS
from tests.servers.databases import KINDS

SAMPLED = {
    "sqlite": [
        ("upload", "cuts", "to the end"),
        ("MailUp", "429 to every call", "1 s"),
        ("ledger's lock", "held", "to the end"),
    ],
    "postgresql": [
        ("file server", "refuses", "to the end"),
        ("MailUp", "answers cut off", "to the end"),
        ("ledger", "resets", "1 s"),
    ],
}


@pytest.mark.timeout(4 * 3600 if ALL else 300)
def test_an_outage_costs_a_run_and_never_a_row(stage: Stage) -> None:
    """A run recovers, or fails soon with what to do next; the one after it continues, and each row
    of MailUp's event log arrives once, when it is due."""
    report = Report("exports: outages", stage.kind)
    chance = random.Random(f"{SEED} {stage.kind}")
    streams = list(STREAMS.values()) if ALL else [chance.choice(list(STREAMS.values()))]
    with ExitStack() as stack, ThreadPoolExecutor(len(streams)) as pool:
        exports = [
            stack.enter_context(
                disturbed_export(
                    stream, stage.home / stream.name, f"{stage.kind}-{stream.name}",
                    stage.databases(stage.kind, stream.name), on_disks=ALL,
                )
            )
            for stream in streams
        ]  # fmt: skip
        list(pool.map(DisturbedExport.settle, exports))
        deal = _deal if ALL else _deal_samples
        deal(exports, [each for each in OUTAGES if stage.kind in each.kinds], stage.kind, chance)
        for each in exports:
            each.cases = [each for each in each.cases if each.key in report.missing([each.key])]
        mine = Part.chosen().of(exports)
        for case, each in (
            one for every in pool.map(DisturbedExport.suffer, mine) for one in every
        ):
            assert each is not None, f"its step was not reached: {case.key}"
            keep(report, each)
    publish(report)

    assert report.wrong == []
    assert report.cases


def _deal(
    exports: Sequence[DisturbedExport], outages: Sequence[Outage], kind: str, chance: random.Random
) -> None:
    """Give each outage of each step to the stream that has it and has the fewest so far; each
    protocol meets each step of the file server."""
    for part, mine in by_part(outages).items():
        for turn, group in enumerate(_groups(exports, part)):
            steps = dict.fromkeys(step for each in group for step in each.steps)
            for step, outage in at_steps(steps, mine, KINDS.index(kind) + turn):
                able = [each for each in group if step in each.steps]
                least = min(able, key=lambda each: len(each.cases))
                least.cases.append(Case(least.stream.name, step, outage))
    for each in exports:
        chance.shuffle(each.cases)


def _groups(exports: Sequence[DisturbedExport], part: str) -> Iterator[list[DisturbedExport]]:
    if part not in OF_THE_SERVER:
        yield list(exports)
        return
    for protocol in dict.fromkeys(each.stream.protocol for each in exports):
        yield [each for each in exports if each.stream.protocol == protocol]


def _deal_samples(
    exports: Sequence[DisturbedExport], outages: Sequence[Outage], kind: str, chance: random.Random
) -> None:
    """Give the sampled outages to a stream, each at a step that chance chooses."""
    for outage in outages:
        if (outage.part, outage.what, outage.lasts) in SAMPLED[kind]:
            taken = chance.choice(exports)
            step, _ = chance.choice(list(at_steps(taken.steps, [outage])))
            taken.cases.append(Case(taken.stream.name, step, outage))
