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
TWICE = "MailUp"
"""Of what can happen to it there is more than of the others."""


@dataclass(frozen=True)
class Outage:
    """One thing that goes wrong from a step on.

    It lasts `seconds`, or until the run has ended, unless it `happens_once`. `expected` are the
    ways in which that run may end: it goes on, or has one of these errors; in the end nothing is
    ever lost or doubled.
    """

    part: str
    what: str
    expected: tuple[str, ...]
    begin: Callable[[Scene], None]
    end: Callable[[Scene], None]
    seconds: float | None = None
    kind: str = "postgresql"
    happens_once: bool = False

    @property
    def passes(self) -> bool:
        """Whether it is over before the run is."""
        return self.happens_once or self.seconds is not None

    @property
    def lasts(self) -> str:
        """In words."""
        if self.happens_once:
            return "once"
        return f"{self.seconds:g} s" if self.seconds else "to the end"


def at_steps(steps: list[str], outages: list[Outage]) -> Iterator[tuple[str, Outage]]:
    """Every step that what is away is needed for, with something passing and something lasting,
    which take turns."""
    for part in dict.fromkeys(outage.part for outage in outages):
        mine = [outage for outage in outages if outage.part == part]
        turns = [cycle([each for each in mine if each.passes is way]) for way in (True, False)]
        for step in steps:
            if re.fullmatch(STEPS[part], step):
                for turn in turns * (1 + (part == TWICE)):
                    yield step, next(turn)


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


def _orders(
    what: str, *orders: tuple[str, dict[str, Any]], back: dict[str, Any] | None = None
) -> dict[str, Any]:
    def begin(scene: Scene) -> None:
        for path, body in orders:
            scene.control(path, body)

    return {
        "part": "MailUp", "what": what, "begin": begin,
        "end": lambda scene: scene.control("settings", back or {}),
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
    Outage(
        **_answers("does it, and hangs up", "drop_after_accept", times=1),
        expected=(GOES_ON,), happens_once=True,
    ),
    # What was revoked is replaced: the access token by the refresh token, both by the password.
    Outage(
        **_orders("access tokens revoked", ("expire_tokens", {})),
        expected=(GOES_ON,), happens_once=True,
    ),
    Outage(
        **_orders("all tokens revoked", ("revoke_tokens", {})),
        expected=(GOES_ON,), happens_once=True,
    ),
    Outage(
        **_orders(
            "user locked out", ("settings", {"password": "new"}), ("revoke_tokens", {}),
            back={"password": "sandbox-password"},
        ),
        expected=("LoginRefused",),
    ),
    Outage(
        **_orders(
            "imports never end", ("settings", {"import_seconds": 3600}),
            back={"import_seconds": 0.05},
        ),
        # It goes on where all imports have ended before.
        expected=("ImportUnfinished", GOES_ON),
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
    Outage(
        "scratch", "disk full", ("DiskFull", GOES_ON), _fill, _make_room,
        MOMENT_SECONDS, kind="sqlite",
    ),
)  # fmt: skip
