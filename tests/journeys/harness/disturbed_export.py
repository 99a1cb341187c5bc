"""A client whose export is disturbed at one moment of its traffic after the other."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from prefect.settings import get_current_settings

from tests.journeys.harness import expected_exports
from tests.journeys.harness.expected_exports import Rows
from tests.journeys.harness.export_player import Player, subscribed_at
from tests.journeys.harness.outage_results import Case, Suffered, suffer
from tests.journeys.harness.outages import DISKS, small_disks
from tests.journeys.harness.run_process import Ending, Runner
from tests.journeys.harness.sandboxes import Place, place
from tests.journeys.harness.streams import SPRING, Stream, play_month
from tests.servers.databases import Database

RECIPIENTS = 600
"""Enough for something new at each moment."""
NEW = {"unsubscribed": {"UNS"}, "subscribed": {"SUB"}, "sms_outcomes": {"SMS"}}
MAIL_EVENTS = {"SNT", "OPN", "CLK", "NCO"}
AT_TIMES = "GET /Message/N/Count/Clicks"
"""Only for messages without clicks: later there may be none, and no step to disturb."""
SETTLED_SHARE = 20
"""One event in this many is exported before the first disturbance."""


class DisturbedExport:
    """One stream in its place; `cases` are its disturbances."""

    def __init__(self, stream: Stream, place: Place) -> None:
        self.stream, self._place = stream, place
        self._there = subscribed_at(place, SPRING)
        self._log = expected_exports.read(place.log())
        runner = Runner(str(get_current_settings().api.url), place.home)
        self._player = Player(stream, place, runner)
        self._new = self._moments_with_something_new()
        self._begin = (SPRING, self._new.pop(len(self._new) // SETTLED_SHARE))
        self.cases: list[Case] = []
        self.steps: dict[str, None] = {}

    def _moments_with_something_new(self) -> list[datetime]:
        kinds = NEW.get(self.stream.kind, MAIL_EVENTS)
        return [
            each.registered + timedelta(seconds=1)
            for each in self._log
            if each.kind in kinds and each.list_id in self.stream.lists and each.registered > SPRING
        ]

    def settle(self) -> None:
        """Two undisturbed exports; the second one has the `steps` of all later ones."""
        for moment in self._begin:
            self._player.come_to(moment)
            self._player.run()
            self._player.played.rows.append(self._player.witness.arrived())
        steps = self._player.steps()
        self.steps = dict.fromkeys(step for step in steps if not step.startswith(AT_TIMES))

    def suffer(self) -> list[tuple[Case, Suffered | None]]:
        """Run all cases, each at a moment of its own; a run that failed is followed by
        another one. None where a step was not reached."""
        later = [each for each in self._new if each > self._begin[1]]
        count = len(self.cases)
        moments = [later[len(later) * number // count - 1] for number in range(1, count + 1)]
        seen = [self._at(case, moment) for case, moment in zip(self.cases, moments, strict=True)]
        due = self.stream.expected(self._log, (*self._begin, *moments), self._there)[2:]
        return [
            (case, ending and Suffered(case, ending, rows - delivered, delivered - rows + faults))
            for case, rows, (ending, delivered, faults) in zip(self.cases, due, seen, strict=True)
        ]

    def _at(self, case: Case, moment: datetime) -> tuple[Ending | None, Rows, Rows]:
        """How the disturbed run ended, the rows delivered by then, and other errors."""
        witness = self._player.witness
        before = len(witness.faults)
        self._player.come_to(moment)
        ending = suffer(self._place, case, self._player.disturb)
        if ending and not ending.completed:
            witness.look_at_what_is_left()
            self._player.run()
        delivered = witness.arrived()
        witness.look_at_the_end()
        return ending, delivered, Counter((fault,) for fault in witness.faults[before:])


@contextmanager
def disturbed_export(
    stream: Stream, home: Path, name: str, database: Database, *, on_disks: bool
) -> Iterator[DisturbedExport]:
    """A stream with its traffic, its blocks being called `name`; its disks can be full on request,
    which needs root."""
    play_month(home / "mailup", RECIPIENTS)
    with (
        small_disks(home, DISKS if on_disks else ()),
        place(home, name, stream.protocol, database, disturbed=True) as there,
    ):
        there.save_blocks()
        yield DisturbedExport(stream, there)
