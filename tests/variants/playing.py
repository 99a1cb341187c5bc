"""Plays a journey under variants: it ends right, or stops with a sentence that says what to do."""

import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pytest import MonkeyPatch

from blocks.errors import Defect, SyncError
from sandbox.file_servers import FileServer, start_ftp
from sandbox.mailup import variants
from sandbox.mailup.settings import Settings
from tests.variants.engine import without_prefect
from tests.variants.journey import Journey, Step
from tests.variants.plays import JOURNEYS
from tests.variants.world import World, world

Verdict = Literal["right", "stopped", "wrong"]
Chosen = Mapping[str, Any]
RUNS_AFTER_A_STOP = 3
LONGEST_SENTENCE = 900

COMPANIONS: dict[str, dict[str, Any]] = {
    "import_refusal": {"concurrent_imports": "refused"},
    "import_shown": {"late_seconds": 0.04},
    "import_counters": {"late_seconds": 0.04},
    "rate_limit": {"calls_per_second": 100},
    "rate_limit_status": {"calls_per_second": 100},
    "retry_after": {"calls_per_second": 100},
    "count_refused_calls": {"calls_per_second": 100},
}
"""Settings that a variant needs to have an effect. Times are a fiftieth, like all waits."""

AS_KNOWN = {"calls_per_second": 0, "slow_page_size": None, "slow_page_seconds": 0.0}
"""Defaults of these settings."""

DEFAULTS = {each.name: each.default for each in variants.TABLE}


def _known(chosen: Chosen) -> dict[str, Any]:
    """Fields of the account that the variants need to be seen."""
    return {"read_timeout_seconds": 0.5} if chosen.get("large_pages") == "slow" else {}


@dataclass(frozen=True)
class Outcome:
    """How one journey ended under some variants, and the sentences in which it stopped.

    `asked` are the variants that made a difference to MailUp's answers, or could have.
    """

    journey: str
    chosen: Chosen
    verdict: Verdict
    messages: tuple[str, ...] = ()
    seconds: float = 0.0
    asked: frozenset[str] = frozenset()

    def __str__(self) -> str:
        what = ", ".join(f"{name}={value}" for name, value in self.chosen.items()) or "defaults"
        return f"{self.journey} under {what}: {self.verdict}; {' / '.join(self.messages)}"


@dataclass
class Stage:
    """What the cases of a process share: file server, folder, blocks."""

    home: Path
    server: FileServer
    root: Path
    asked: set[str]
    cases: int = field(default=0)

    def play(self, journey: Journey, chosen: Chosen) -> Outcome:
        """One journey in a world of its own."""
        self.cases += 1
        home = self.home / f"{self.cases:05}"
        home.mkdir()
        began = time.monotonic()
        found: list[str] = []
        asked: frozenset[str] = frozenset()
        with world(home, self.server, self.root, **_known(chosen)) as there:
            self.asked.clear()
            try:
                found += _played(there, journey, chosen)
                asked = frozenset(self.asked)
                journey.check(there)
                verdict: Verdict = "stopped" if found else "right"
            except Exception as error:
                verdict = "wrong"
                found.append(_shown(error))
        seconds = time.monotonic() - began
        return Outcome(journey.name, chosen, verdict, tuple(found), seconds, asked)


def _shown(error: Exception) -> str:
    """An error, and where it was found."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {at.name}, line {at.lineno}: {error}"[:1500]


def _played(there: World, journey: Journey, chosen: Chosen) -> Iterator[str]:
    """Run every step; the sentences of those that stopped, each gone on with as MailUp is known."""
    for name, value in chosen.items():
        if value == "slow":
            there.set(slow_page_size=50, slow_page_seconds=1.0)
        elif value != DEFAULTS[name]:
            there.set(**COMPANIONS.get(name, {}))
    there.set(**chosen)
    there.order("faults", {"kind": "expire_token", "path": "Console", "skip": 3})
    for step in journey.steps:
        step.before(there)
        state = step.run(there)
        if state.is_completed():
            continue
        yield (said := _sentence(state))
        journey.safe(there)
        if journey.held and journey.held in said:
            return
        there.set(**{name: DEFAULTS[name] for name in chosen}, **AS_KNOWN)
        step.mend(there)
        last = _gone_on(there, journey, step, state)
        journey.safe(there)
        if not last.is_completed():
            yield _sentence(last)
            return


def _gone_on(there: World, journey: Journey, step: Step, state: Any) -> Any:
    """Run the step again until it is through, or stays held for somebody to look; a file that is
    held for another reason is released."""
    for _ in range(RUNS_AFTER_A_STOP):
        state = step.run(there, release="is held" in (state.message or ""))
        if state.is_completed() or (journey.held and journey.held in state.message):
            return state
    raise AssertionError(f"It stops although MailUp is as it is known: {state.message}")


def _sentence(state: Any) -> str:
    """What a stop says; AssertionError where it is no sentence of ours for an operator."""
    error, said = state.data, str(state.message)
    assert not isinstance(error, Defect), f"A defect: {said} {error.context}"
    assert error is None or isinstance(error, SyncError | list), f"No error of ours: {said}"
    assert "MailUp" in said, f"It does not say that MailUp did something: {said}"
    assert "Traceback" not in said
    assert len(said) < LONGEST_SENTENCE, said
    return said


@contextmanager
def stage() -> Iterator[Stage]:
    """A warm process: everything that is the same for all cases is started once."""
    with tempfile.TemporaryDirectory(prefix="variants-") as name, without_prefect():
        home = Path(name)
        root = home / "files"
        root.mkdir()
        with start_ftp(root, username="acme", password="x") as server, _asked() as asked:
            yield Stage(home, server, root, asked)


@contextmanager
def _asked() -> Iterator[set[str]]:
    """The variants that the emulator has looked up since the set was emptied."""
    asked: set[str] = set()
    plain = Settings.__getattribute__

    def noting(settings: Settings, name: str) -> Any:
        if name in DEFAULTS:
            asked.add(name)
        return plain(settings, name)

    with MonkeyPatch.context() as patch:
        patch.setattr(Settings, "__getattribute__", noting)
        yield asked


def named(journey: str) -> Journey:
    """The journey of this name."""
    return next(each for each in JOURNEYS if each.name == journey)
