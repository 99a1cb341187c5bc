"""Runs the export of one stream at its moments, with kills or disturbances."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from prefect.settings import get_current_settings

from tests.journeys.harness import expected_exports
from tests.journeys.harness.expected_exports import Rows
from tests.journeys.harness.observed_state import Witness, lasting, rows_of
from tests.journeys.harness.run_process import Death, Ending, Runner
from tests.journeys.harness.sandboxes import Place, place
from tests.journeys.harness.streams import SIZE, Stream, play_month
from tests.servers.databases import Database
from tests.waiting import next_second

ANY_DAY = {"since": "2000-01-01", "until": "2027-01-01"}
"""A window by hand over everything: its name is always the same."""


@dataclass
class Played:
    """What came of a stream: the rows that were due and the new ones of each moment, what else is
    wrong, where its runs died, and the instants of those that nobody killed."""

    name: str
    due: list[Rows] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    died: Counter[str] = field(default_factory=Counter)
    lived: dict[str, None] = field(default_factory=dict)
    runs: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        rows = sum(rows.total() for rows in self.rows)
        dead = self.died.total()
        return f"{rows} rows by {self.runs} runs, {dead} of them killed, {self.seconds:.0f} s"


Dying = Callable[[int, Played], Iterable[Death]]
"""How a stream's runs are killed at a moment, by its number, in sequence."""


class Player:
    """Runs one stream in its place."""

    def __init__(self, stream: Stream, place: Place, runner: Runner) -> None:
        self._stream, self._place, self._runner = stream, place, runner
        self._agreement = stream.agreement(place.name)
        self.witness = Witness(stream, place)
        self.played = Played(stream.name, faults=self.witness.faults)

    def play(self, dying: Dying) -> Played:
        """Run at every moment with the planned kills, run again, and check what was delivered."""
        begin = time.monotonic()
        for number, moment in enumerate(SIZE.moments):
            self.come_to(moment)
            for death in dying(number, self.played):
                self._die(death)
            self.run()
            self.played.rows.append(self.witness.arrived())
            if number == 1:
                self._deliver_again()
            if number == 2:
                self._repeat_by_hand()
        self.witness.look_at_the_end()
        self.played.seconds = time.monotonic() - begin
        return self.played

    def come_to(self, moment: datetime) -> None:
        """Set MailUp's clock to a moment."""
        self._place.control("clock", {"now": moment.isoformat()})

    def run(self, **asked: Any) -> None:
        """Run the export to its end."""
        # A window ends on a whole second, so the next one needs a later one.
        next_second()
        self.played.runs += 1
        self._runner.run(self._stream.flow, {"agreement": self._agreement, **asked})
        self.played.lived |= dict.fromkeys(self._runner.steps())

    def disturb(self, instant: str, begin: Callable[[], None]) -> Ending | None:
        """Run the export; an outage begins at the first instant with this label."""
        next_second()
        self.played.runs += 1
        given = {"agreement": self._agreement}
        return self._runner.disturb(self._stream.flow, given, instant, begin)

    def steps(self) -> list[str]:
        """The instants of the last run, in their order."""
        return self._runner.steps()

    def _die(self, death: Death) -> None:
        next_second()
        self.played.runs += 1
        given = {"agreement": self._agreement}
        if where := self._runner.kill(self._stream.flow, given, death):
            self.played.died[where] += 1
            self.witness.look_at_what_is_left()
        self._place.database.let_leases_expire()

    def _deliver_again(self) -> None:
        """The client loses the last file and gets it again, and nothing else changes."""
        before, windows = self.witness.contents(), self.witness.windows()
        list(self.witness.files())[-1].unlink()
        self.run(again=True)
        if self.witness.contents() != before or self.witness.windows() != windows:
            self.witness.fault("delivered again, the last file is another one, or not the only one")

    def _repeat_by_hand(self) -> None:
        """A window by hand, twice: one name, one content, exported before; no watermark moves."""
        windows = self.witness.windows()
        self.run(**ANY_DAY)
        once = self.witness.contents()
        self.run(**ANY_DAY)
        if self.witness.contents() != once or self.witness.windows() != windows:
            self.witness.fault("repeated by hand, a window has another name or content, or moved")
        (path,) = self._place.out.glob("*manual*.csv")
        rows = Counter(map(lasting, rows_of(path)))
        whole = self._stream.name == "every-event"
        if rows - self.witness.exported or (whole and rows != self.witness.exported):
            self.witness.fault("a window by hand has other rows than the windows had")


def play(stream: Stream, home: Path, name: str, database: Database, dying: Dying) -> Played:
    """Run a stream over its traffic, with blocks called `name`."""
    play_month(home / "mailup")
    with place(home, name, stream.protocol, database) as there:
        there.save_blocks()
        log = expected_exports.read(there.log())
        expected = stream.expected(log, SIZE.moments, subscribed_at(there, SIZE.moments[0]))
        runner = Runner(str(get_current_settings().api.url), home)
        played = Player(stream, there, runner).play(dying)
    played.due = expected
    print(f"\n{name}: {len(log)} events in MailUp, {played}")
    return played


def subscribed_at(there: Place, moment: datetime) -> dict[tuple[int, str], str]:
    """Dates of subscription at a moment, by list and address."""
    there.control("clock", {"now": moment.isoformat()})
    return {
        (list_id, person["email"]): _local(person["optin_date"])
        for list_id in (1, 2, 3)
        for person in there.control(f"state?list={list_id}")
        if person["status"] == "subscribed"
    }


def _local(text: str) -> str:
    """MailUp's local date as the files have it."""
    return f"{datetime.fromisoformat(text):%Y%m%dT%H%M%S}" if text else ""
