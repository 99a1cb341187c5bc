"""Journeys: runs one after the other, and the checks after them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prefect.states import Completed, Failed

from blocks.errors import SyncError
from tasks.checks.findings import Finding, conclusion, to_fix
from tests.variants.world import World

Check = Callable[[World], None]


def _nothing(_: World) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Step:
    """One run of a flow with its parameters, what comes before it, and what repairs it."""

    flow: str
    parameters: Callable[[World], dict[str, Any]]
    before: Check = _nothing
    mend: Check = _nothing

    def run(self, world: World, *, release: bool = False) -> Any:
        """Run it; the state in which it ends."""
        more = {"release": True} if release else {}
        return world.run(self.flow, **self.parameters(world), **more)


@dataclass(frozen=True)
class FindingStep(Step):
    """A check without a flow; it stops if something has to be fixed."""

    look: Callable[[World], list[Finding]] = lambda _: []

    def run(self, world: World, *, release: bool = False) -> Any:  # noqa: ARG002 - nothing is held
        """Look; the state in which it ends."""
        try:
            found = self.look(world)
        except SyncError as error:
            return world.note(Failed(message=str(error), data=error))
        state = Failed if to_fix(found) else Completed
        return world.note(state(message=f"MailUp: {conclusion(found)}", data=found))


@dataclass(frozen=True)
class Journey:
    """Runs one after the other, and the checks after them.

    `returns` are people who may be subscribed again, by a grant; `held` is the reason for which
    its file may stay held for somebody to look.
    """

    name: str
    steps: tuple[Step, ...]
    check: Check
    returns: frozenset[str] = frozenset()
    held: str = ""

    def safe(self, world: World) -> None:
        """What has to be true wherever a run has stopped: nobody came back unasked, and nobody was
        asked twice to confirm one import."""
        for list_id in (1, 2, 3):
            for who, person in world.people(list_id).items():
                was = who.partition(".")[0]
                gone = was in ("unsubscribed", "bounced", "complained", "pending")
                back = list_id == 1 and gone and person.status == "subscribed"
                assert not back or who in self.returns, f"{who} was subscribed again"
        sent = world.rows("SELECT count(*) FROM sending WHERE state = 'sent' GROUP BY import_id")
        assert {times for (times,) in sent} <= {1}


def importing(before: Callable[[World], None], **agreed: Any) -> Step:
    return Step("import-recipients", lambda world: {"agreement": world.importing(**agreed)}, before)


def statuses(world: World, list_id: int, wanted: dict[str, str]) -> None:
    """The status of each of these people; everybody else of a new account is as they were."""
    people = world.people(list_id)
    found = {who: people[who].status if who in people else "unknown" for who in wanted}
    assert found == wanted
    for who, person in people.items():
        if who in wanted or "." not in who:
            continue
        state = who.partition(".")[0]
        if state in ("subscribed", "unsubscribed", "bounced", "complained", "pending"):
            was = state if state in ("subscribed", "pending") else "unsubscribed"
            assert person.status == was, who


def never(world: World, *emails: str, list_id: int = 1) -> None:
    """None of these people is subscribed."""
    people = world.people(list_id)
    assert [each for each in emails if people[each].status == "subscribed"] == []


def every_row_ends(world: World, name: str, rows: Sequence[str], list_id: int = 1) -> None:
    """No row of an import is without an end: MailUp has its name, or its line is listed, or it is
    one of those that MailUp refused and nobody could find out."""
    reported, people = world.reasons_of(name), world.people(list_id)
    silent = {}
    for line, row in enumerate(rows, 2):
        who, called, *_ = row.split(";")
        if line not in reported and (who not in people or people[who].name != called):
            silent[line] = who
    mailup = world.result(name)["mailup"]
    assert len(silent) <= mailup["refused"] - mailup["refused_listed"], silent
