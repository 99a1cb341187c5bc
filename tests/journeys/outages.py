"""What can be away while an import runs: when it begins, how long it lasts, what is expected."""

import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from killed_import import Scene
from relays import Trouble

GOES_ON = "goes on"
MOMENT_SECONDS = 1.0
SILENT_SECONDS = 3.0
"""A hang shorter than the patience of who waits would not be noticed."""

STEPS = {
    "file server": r"server: .*, before",
    "MailUp": r"(GET|POST|PUT) .*, before",
    "ledger": r".*, before commit",
    "ledger's lock": r".*, after commit",
    "scratch": r"(server: .*|GET .*|POST .*), after",
}
"""From which steps on what can be away."""
AT_A_STEP = {"file server": 2, "MailUp": 2}
"""How many outages begin at one step, in as many clients; one of what is not here."""


@dataclass(frozen=True)
class Outage:
    """One thing that goes wrong from a step on.

    It lasts `seconds`, or until the run has ended. `expected` are the ways in which that run may
    end: it goes on, or has one of these errors; in the end nothing is ever lost or doubled.
    """

    part: str
    what: str
    expected: tuple[str, ...]
    begin: Callable[[Scene], None]
    end: Callable[[Scene], None]
    seconds: float | None = None
    kind: str = "postgresql"

    @property
    def lasts(self) -> str:
        """In words."""
        return f"{self.seconds:g} s" if self.seconds else "to the end"


def at_steps(steps: list[str], outages: list[Outage]) -> Iterator[tuple[str, Outage]]:
    """Every step that what is away is needed for, with some of its outages, which take turns."""
    for part in dict.fromkeys(outage.part for outage in outages):
        turns = cycle([outage for outage in outages if outage.part == part])
        for step in steps:
            if re.fullmatch(STEPS[part], step):
                yield from ((step, next(turns)) for _ in range(AT_A_STEP.get(part, 1)))


def _trouble(part: str, trouble: Trouble) -> dict[str, Any]:
    return {
        "part": part, "what": trouble,
        "begin": lambda scene: scene.ways[part].suffer(trouble),
        "end": lambda scene: scene.ways[part].suffer("none"),
    }  # fmt: skip


def _answers(what: str, fault: str, *, times: int = 0) -> dict[str, Any]:
    return {
        "part": "MailUp", "what": what,
        "begin": lambda scene: scene.control("faults", {"kind": fault, "times": times}),
        "end": Scene.clear_faults,
    }  # fmt: skip


def _settings(what: str, away: dict[str, Any], back: dict[str, Any]) -> dict[str, Any]:
    def begin(scene: Scene) -> None:
        scene.control("settings", away)
        scene.control("expire_tokens", {})

    return {
        "part": "MailUp", "what": what, "begin": begin,
        "end": lambda scene: scene.control("settings", back),
    }  # fmt: skip


def _troubles(part: str, expected: tuple[str, ...], meanwhile: tuple[str, ...]) -> Any:
    for trouble, seconds in (
        ("refuses", MOMENT_SECONDS), ("hangs", SILENT_SECONDS), ("resets", MOMENT_SECONDS)
    ):  # fmt: skip
        away = _trouble(part, trouble)
        yield Outage(**away, expected=meanwhile, seconds=seconds)
        yield Outage(**away, expected=expected)


class _Lock:
    """Somebody else's transaction, open for long, in a ledger on SQLite."""

    def __init__(self) -> None:
        self._open: dict[str, sqlite3.Connection] = {}

    def begin(self, scene: Scene) -> None:
        other = sqlite3.connect(scene.database.file, timeout=60, check_same_thread=False)
        self._open[scene.name] = other
        other.execute("BEGIN IMMEDIATE")

    def end(self, scene: Scene) -> None:
        if other := self._open.pop(scene.name, None):
            other.close()


def _fill(scene: Scene) -> None:
    with (scene.home / "scratch" / "filler").open("wb", buffering=0) as filler:
        for size in (4096, 1):
            with suppress(OSError):
                while filler.write(b"\0" * size):
                    pass


def _make_room(scene: Scene) -> None:
    (scene.home / "scratch" / "filler").unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of two megabytes at `folder`; mounting it needs root."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    subprocess.run(["/usr/bin/mount", *options], check=True)
    try:
        yield
    finally:
        subprocess.run(["/usr/bin/umount", str(folder)], check=True)


_locked = _Lock()
_UNREACHABLE = ("ServerUnavailable", "TransferInterrupted")
# The ledger is also asked between the tasks, where nothing is tried again.
_PERHAPS_ONCE = (GOES_ON, "LedgerUnavailable")

OUTAGES: tuple[Outage, ...] = (
    *_troubles("file server", _UNREACHABLE, (GOES_ON,)),
    *_troubles("MailUp", ("MailUpUnavailable",), (GOES_ON,)),
    *_troubles("ledger", ("LedgerUnavailable", GOES_ON), _PERHAPS_ONCE),
    Outage(**_answers("429 to every call", "429"), expected=("MailUpUnavailable",)),
    Outage(**_answers("429 to every call", "429"), expected=(GOES_ON,), seconds=MOMENT_SECONDS),
    Outage(**_answers("503 to every call", "503"), expected=("MailUpUnavailable",)),
    Outage(**_answers("503 to every call", "503"), expected=(GOES_ON,), seconds=MOMENT_SECONDS),
    Outage(**_answers("does it, and hangs up", "drop_after_accept", times=1), expected=(GOES_ON,)),
    Outage(**_settings("tokens revoked", {}, {}), expected=(GOES_ON,)),
    Outage(
        **_settings("user locked out", {"password": "new"}, {"password": "sandbox-password"}),
        # A refresh token that the run already holds is good without the password.
        expected=("LoginRefused", GOES_ON),
    ),
    Outage(
        **_settings("imports never end", {"import_seconds": 3600}, {"import_seconds": 0.05}),
        expected=("MailUpUnavailable", GOES_ON),
    ),
    Outage(
        "ledger's lock", "held", ("LedgerUnavailable", GOES_ON), _locked.begin,
        _locked.end, kind="sqlite",
    ),
    Outage(
        "ledger's lock", "held", _PERHAPS_ONCE, _locked.begin, _locked.end,
        SILENT_SECONDS, kind="sqlite",
    ),
    Outage(
        "scratch", "disk full", ("DiskFull", GOES_ON), _fill, _make_room,
        kind="sqlite",
    ),
)  # fmt: skip
