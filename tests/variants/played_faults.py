"""Imports whose answers are lost, rows that MailUp refuses, and full files day after day."""

from collections.abc import Callable

from tests.variants.journey import Journey, importing, statuses
from tests.variants.played_imports import to_confirm
from tests.variants.world import World

MAYBE_SENT = "is held (maybe_sent)"


def _lost(*kinds: str) -> Callable[[World], None]:
    def before(world: World) -> None:
        for kind in kinds:
            world.order("faults", {"kind": kind, "path": r"/1/Recipients(\?|$)", "method": "POST",
                                   "times": 1})  # fmt: skip

    return before


def all_there(world: World) -> None:
    statuses(world, 1, {f"l{number}@example.it": "subscribed" for number in range(1, 7)})
    counts = world.result("a.csv")["counts"]
    assert (counts["records"], counts["submitted"]) == (6, 6)


def two_batches(world: World, name: str = "a.csv", who: str = "l") -> None:
    world.drop(name, *(f"{who}{number}@example.it;L;" for number in range(1, 7)))


def _crash(name: str, *kinds: str) -> Journey:
    def before(world: World) -> None:
        two_batches(world)
        _lost(*kinds)(world)

    return Journey(name, (importing(before),), all_there)


LOST_ANSWER = _crash("answer lost", "drop_after_accept")
LOST_REQUEST = _crash("request lost", "drop", "drop_after_accept")


def _asked_at_most_once(world: World) -> None:
    """What is uncertain is held for somebody to look, and until then nobody is asked twice."""
    people = world.people(1)
    found = {people[who].status for n in range(1, 7) if (who := f"c{n}@example.it") in people}
    assert found <= {"pending"}
    held = any(MAYBE_SENT in line for line in world.said)
    assert held or len(found) == 1
    sent = world.rows("SELECT count(*) FROM sending WHERE state = 'sent' GROUP BY import_id")
    assert {times for (times,) in sent} <= {1}
    assert len(sent) <= 1 if held else len(sent) == 2


LOST_CONFIRM = Journey(
    "answer lost with confirmation",
    (
        importing(
            lambda world: (to_confirm(world), _lost("drop_after_accept")(world))[-1],
            confirm_email=True,
        ),
    ),
    _asked_at_most_once,
    held=MAYBE_SENT,
)


def _refused_are_reported(world: World) -> None:
    statuses(world, 1, {f"l{number}@example.it": "subscribed" for number in (1, 2, 4, 6)})
    people = world.people(1)
    assert "l3@example.it" not in people
    result, listed = world.result("a.csv"), world.listed("a.csv")
    assert result["mailup"]["refused"] == 2
    if result["mailup"]["read_back"] == "complete":
        assert sorted(line.partition(";")[0] for line in listed) == [
            "l3@example.it",
            "l5@example.it",
        ]
    else:
        assert not [line for line in listed if "l3@" not in line and "l5@" not in line]


READ_BACK = Journey(
    "refused by MailUp",
    (
        importing(
            lambda world: (
                world.set(refused=("l3@example.it", "l5@example.it")), two_batches(world)
            )[-1]
        ),
    ),
    _refused_are_reported,
)  # fmt: skip

DELTA = {
    "mode": "full", "thresholds": {"max_shrink_percent": 100},
    "delta": {"on": True, "missing": "unsubscribe", "max_missing_percent": 50},
}  # fmt: skip
DAYS = (
    [f"d{number}@example.it;Nome {number};" for number in range(1, 9)],
    [f"d{number}@example.it;{'Nuovo' if number == 2 else f'Nome {number}'};"
     for number in range(1, 7)],
    [f"d{number}@example.it;{'Nuovo' if number == 2 else f'Nome {number}'};"
     for number in range(1, 6)],
)  # fmt: skip


def _unchanged_left_out(world: World) -> None:
    stay = {f"d{number}@example.it": "subscribed" for number in range(1, 6)}
    statuses(world, 1, stay | {f"d{n}@example.it": "unsubscribed" for n in (6, 7, 8)})
    assert world.people(1)["d2@example.it"].name == "Nuovo"
    assert world.result("day1.csv")["counts"]["unchanged"] == 5
    assert world.result("day2.csv")["counts"]["unchanged"] == 5


def _day(number: int) -> Callable[[World], None]:
    return lambda world: world.drop(f"day{number}.csv", *DAYS[number])


DELTAS = Journey(
    "delta", tuple(importing(_day(number), **DELTA) for number in range(3)), _unchanged_left_out
)
