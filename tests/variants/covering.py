"""Combinations of values in which each two values of different factors meet at least once."""

import random
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import TypeVar

V = TypeVar("V")
Pair = tuple[tuple[str, object], tuple[str, object]]
Partners = dict[tuple[str, object], list[tuple[str, object]]]
CANDIDATES = 12
"""Rows that are tried for each one that is taken; more of them make the table a little shorter."""


def pairwise(factors: Mapping[str, Sequence[V]], seed: int) -> list[dict[str, V]]:
    """Rows that give every factor a value and cover all pairs; the same for the same seed."""
    chance = random.Random(seed)
    left = _pairs(factors)
    rows: list[dict[str, V]] = []
    while left:
        wanted, starts = _partners(left), sorted(left, key=repr)
        found = (_row(factors, wanted, starts, chance) for _ in range(CANDIDATES))
        best, met = max(
            ((row, covered(row) & left) for row in found), key=lambda each: len(each[1])
        )
        rows.append(best)
        left -= met
    return rows


def _pairs(factors: Mapping[str, Sequence[V]]) -> set[Pair]:
    return {
        ((one, a), (two, b))
        for one, two in combinations(sorted(factors), 2)
        for a, b in product(factors[one], factors[two])
    }


def covered(row: Mapping[str, object]) -> set[Pair]:
    """All pairs that meet in a row."""
    return {
        ((one, row[one]), (two, row[two])) for one, two in combinations(sorted(row), 2)
    }  # fmt: skip


def _partners(left: set[Pair]) -> Partners:
    """Of every value those that it has not met yet."""
    wanted: Partners = {}
    for one, two in left:
        wanted.setdefault(one, []).append(two)
        wanted.setdefault(two, []).append(one)
    return wanted


def _row(
    factors: Mapping[str, Sequence[V]],
    wanted: Partners,
    starts: Sequence[Pair],
    chance: random.Random,
) -> dict[str, V]:
    """A row that begins with a pair that is missing, filled with what meets most missing ones."""
    row: dict[str, object] = dict(chance.choice(starts))
    names = [name for name in factors if name not in row]
    chance.shuffle(names)
    for name in names:
        scores = [
            sum(row.get(other) == there for other, there in wanted.get((name, value), ()))
            + chance.random() / 2
            for value in factors[name]
        ]
        row[name] = factors[name][scores.index(max(scores))]
    return row  # type: ignore[return-value]
