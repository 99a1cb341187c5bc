"""The instants and times at which the runs of a stream are killed."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.journeys.harness.child_run import Instant
from tests.journeys.harness.export_player import Dying, Played
from tests.journeys.harness.kill_points import At, Nth
from tests.journeys.harness.run_process import Arrival, Death, Moment
from tests.journeys.harness.scenarios import SEED
from tests.journeys.harness.streams import SIZE, STREAMS, Stream

APART = 8
"""One instant in this many is used where runs are killed at one after the other."""
SOME_INSTANTS = 60
"""About the number of instants of a run."""

BOTH_STORED = Instant("blocks.ledger.storage:Storage.put", nth=2, after=True)
LAST = len(SIZE.moments) - 1


def chosen(stream: Stream, out: Path) -> list[tuple[int, Death]]:
    """The moment, by number, and the instant of a kill; together the streams cover all."""
    everywhere: tuple[Death, ...] = (
        Instant("blocks.mailup.http.session:Session.read", nth=4),
        Instant("tasks.exports.extract:compress"),
        Instant("blocks.ledger.storage:Storage.put", after=True),
        BOTH_STORED,
        Instant("blocks.ledger.exports:rendered", after=True),
        Arrival(out),
        Instant("tasks.exports.deliver:deliver", after=True),
        Instant("tasks.exports.deliver:deliver", nth=2, after=True),
        Instant("blocks.ledger.storage:Storage.remove", after=True),
        Instant("blocks.ledger.exports:delivered", after=True),
    )
    chance, place = Random(stream.name), _place(stream)
    first = place * SIZE.chosen_deaths
    mine = [everywhere[(first + n) % len(everywhere)] for n in range(SIZE.chosen_deaths)]
    for number in range(SIZE.random_deaths):
        moment, instant = chance.uniform(0, SIZE.longest_life), chance.randint(1, SOME_INSTANTS)
        mine.append(Nth(instant) if (place + number) % 2 else Moment(moment))
    # At the first moment nothing old can be removed; two files are stored only where something is
    # new; and what dies late in a run dies after what dies early.
    return [
        (LAST if death == BOTH_STORED else chance.randint(1, LAST), death)
        for death in sorted(mine, key=lambda death: (*everywhere, death).index(death))
    ]


def at(planned: list[tuple[int, Death]]) -> Dying:
    """Kill as planned."""
    return lambda number, _: [death for moment, death in planned if moment == number]


def at_every_instant(stream: Stream) -> Dying:
    """From the second moment on kill at one instant after the other, until a run completes;
    at the last one at all instants that are left; and each time at a random moment."""
    chance, place = Random(f"{SEED} {stream.name}"), _place(stream)

    def dying(number: int, played: Played) -> Iterator[Death]:
        if number == 0:
            return
        if number < LAST:
            yield from _one_after_the_other(1 + (place + 3 * number) % APART, played)
        else:
            yield from (At(label) for label in list(played.lived) if label not in played.died)
        yield Moment(chance.uniform(0, SIZE.longest_life))

    return dying


def _one_after_the_other(instant: int, played: Played) -> Iterator[Death]:
    before = -1
    while before != played.died.total():
        before = played.died.total()
        yield Nth(instant)
        instant += APART


def _place(stream: Stream) -> int:
    return list(STREAMS).index(stream.name)
