"""The cases of the matrix: every variant alone, and combinations in which all pairs meet."""

import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sandbox.mailup.variants import TABLE
from tests.variants.covering import pairwise
from tests.variants.plays import JOURNEYS

SEED = 20_261_130
FACTORS = {each.name: each.values for each in TABLE}
DEFAULTS = {each.name: each.default for each in TABLE}
FIRST = (("import", {"import_list": "summary"}), ("another number", {"second_key": "refused"}))
"""Journeys in every sample."""


class Case(NamedTuple):
    """Journeys under one setting of the variants; `name` describes it in a few words."""

    name: str
    chosen: Mapping[str, Any]
    journeys: tuple[str, ...]


def singles() -> Iterator[Case]:
    """Every journey under the defaults, and under each other value of each variant."""
    everything = tuple(each.name for each in JOURNEYS)
    yield Case("defaults", {}, everything)
    for each in TABLE:
        for value in each.values[1:]:
            yield Case(f"{each.name}={value}", {each.name: value}, everything)


def pairs(seed: int = SEED) -> Iterator[Case]:
    """Every journey under combinations of all variants that cover all pairs of values."""
    everything = tuple(each.name for each in JOURNEYS)
    for number, row in enumerate(pairwise(FACTORS, seed)):
        others = {name: value for name, value in row.items() if value != DEFAULTS[name]}
        yield Case(f"pairs-{number:02}", others, everything)


def sample(seed: int, size: int) -> Iterator[Case]:
    """Some journeys under some variants: each journey, and variants as there is room for."""
    chance = random.Random(seed)
    alone = [(name, value) for name in FACTORS for value in FACTORS[name][1:]]
    chance.shuffle(alone)
    journeys = [each.name for each in JOURNEYS]
    for journey, chosen in FIRST:
        yield Case(_name(journey, chosen), chosen, (journey,))
    for number, (name, value) in enumerate(alone[:size]):
        journey = journeys[number % len(journeys)]
        second = alone[-1 - number] if number % 2 else (name, value)
        chosen = dict([(name, value), second])
        yield Case(_name(journey, chosen), chosen, (journey,))


def _name(journey: str, chosen: Mapping[str, Any]) -> str:
    return f"{journey}: {', '.join(f'{name}={value}' for name, value in chosen.items())}"
