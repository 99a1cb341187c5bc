"""The pace that runs share, without a Prefect server and without a ledger."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from blocks import pace as module
from blocks.errors import LedgerUnavailable, MailUpUnavailable
from blocks.ledger.calls import Calls
from blocks.pace import LATENCY_SAMPLES, RATE_LIMIT_WAIT_SECONDS, SharedPace


class Prefect:
    """A clock, and Prefect's answers to whoever asks for a slot: each takes `way` seconds.

    `refusals` come first; each is after how many seconds to ask again.
    """

    def __init__(self, way: float, *refusals: float) -> None:
        self.now, self.way = 100.0, way
        self.refusals = list(refusals)
        self.asked: list[float] = []

    def ask(self, _name: str) -> float | None:
        self.asked.append(self.now + self.way / 2)
        self.now += self.way
        return self.refusals.pop(0) if self.refusals else None

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def last_intervals(self, calls: int) -> set[float]:
        moments = self.asked[-calls - 1 :]
        return {round(after - before, 4) for before, after in pairwise(moments)}


class Line(Calls):
    """A ledger in which others have reserved `busy` seconds, or one that is away."""

    def __init__(self, busy: float = 0.0, *, away: bool = False) -> None:
        self.busy, self.away = busy, away
        self.wanted: list[float] = []

    def reserve(self, interval: float, *, soonest: float = 0.0) -> float:
        assert interval > 0.2
        self.wanted.append(round(soonest, 4))
        if self.away:
            raise LedgerUnavailable("away")
        return max(soonest, self.busy)


PaceOf = Callable[..., SharedPace]


@pytest.fixture
def pace_of(monkeypatch: pytest.MonkeyPatch) -> PaceOf:
    """Makes the pace of a run that asks this Prefect."""

    def make(prefect: Prefect, line: Line | None = None) -> SharedPace:
        monkeypatch.setattr(module, "request_slot", prefect.ask)
        return SharedPace("limit", 5, line, clock=prefect.clock, sleep=prefect.sleep)

    return make


def test_the_way_to_prefect_costs_next_to_nothing_of_the_pace(pace_of: PaceOf) -> None:
    """Once the latency is known, slots are requested early enough to be granted when free, never
    before; an answer that took long ends that, for then nobody knows when the slot was given."""
    prefect = Prefect(way=0.02)
    pace = pace_of(prefect)
    for _ in range(3 * LATENCY_SAMPLES):
        pace()
    assert min(prefect.last_intervals(len(prefect.asked) - 1)) >= 0.2
    assert prefect.last_intervals(LATENCY_SAMPLES) == {0.204}
    prefect.way = 0.15
    pace()
    prefect.way = 0.02
    for _ in range(LATENCY_SAMPLES):
        pace()
    assert prefect.last_intervals(LATENCY_SAMPLES - 1) == {0.22}


def test_prefect_is_asked_at_the_reserved_moment(pace_of: PaceOf) -> None:
    """Others of the ledger come first, and Prefect is not asked before: it would count that."""
    prefect, line = Prefect(0.02), Line(busy=0.6)
    pace = pace_of(prefect, line)
    pace()
    pace()

    assert prefect.asked == pytest.approx([100.61, 101.23])
    assert line.wanted == [0.0, 0.2]


def test_who_is_refused_asks_again_after_the_wait_and_in_its_turn(pace_of: PaceOf) -> None:
    """A refusal means that others call who are not in the ledger: Prefect says how they mix."""
    prefect, line = Prefect(0.02, 0.3, 0.7), Line()
    pace_of(prefect, line)()

    assert prefect.asked == pytest.approx([100.01, 100.33, 101.05])
    assert line.wanted == [0.0, 0.3, 0.7]


def test_a_ledger_that_is_away_stops_no_call(pace_of: PaceOf) -> None:
    """Prefect alone decides then, and the ledger is not waited for again."""
    prefect, line = Prefect(0.02), Line(away=True)
    pace = pace_of(prefect, line)
    pace()
    pace()

    assert prefect.last_intervals(1) == {0.22}
    assert len(line.wanted) == 1


def test_the_wait_for_a_slot_ends(pace_of: PaceOf) -> None:
    """Where Prefect refuses again and again the call is given up, and is known not to be sent."""
    prefect = Prefect(0.02, *[10.0] * 100)
    with pytest.raises(MailUpUnavailable, match="concurrency limit limit") as caught:
        pace_of(prefect)()

    assert prefect.now - 100 <= RATE_LIMIT_WAIT_SECONDS
    assert not caught.value.context.get("maybe_accepted")
