"""Outages during a run: when they begin, how long they last, what is expected."""

import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from tests.journeys.harness.fault_proxy import Trouble
from tests.journeys.harness.sandboxes import Place
from tests.servers.databases import KINDS

GOES_ON = "goes on"
MOMENT_SECONDS = 1.0
SILENT_SECONDS = 3.0
"""A hang has to be longer than the time-out of the client."""

STEPS = {
    "file server": r"server: .*, before",
    "upload": r"server: write, before",
    "client's disk": r"server: write, before",
    "MailUp": r"(GET|POST|PUT) .*, before",
    "MailUp's imports": r"(GET|POST) .*(Import/N|Group/N/Recipients), before",
    "ledger": r".*, before commit",
    "ledger's lock": r".*, after commit",
    "storage": r"storage: put_as, before",
    "scratch": r"(server: .*|GET .*|POST .*), after",
}
"""The steps at which each part can become unavailable."""
OF_THE_SERVER = ("file server", "upload", "client's disk")
"""Each protocol reports these in its own way."""
WAYS = {"upload": "file server"}
"""The relay of a part, where their names differ."""
DISKS = {"client's disk": "files", "storage": "storage", "scratch": "scratch"}
"""The folder of a place that is on the full disk."""


@dataclass(frozen=True)
class Outage:
    """One failure that begins at a step.

    It lasts `seconds`, or until the run has ended, unless it `happens_once`. `expected` are the
    ways in which that run may end: it continues, or fails with one of these errors; nothing is
    ever lost or doubled. `kinds` are those of a ledger's database.
    """

    part: str
    what: str
    expected: tuple[str, ...]
    begin: Callable[[Place], None]
    end: Callable[[Place], None]
    seconds: float | None = None
    kinds: Sequence[str] = tuple(KINDS)
    happens_once: bool = False

    @property
    def passes(self) -> bool:
        """Whether it ends before the run."""
        return self.happens_once or self.seconds is not None

    @property
    def lasts(self) -> str:
        """Its description."""
        if self.happens_once:
            return "once"
        return f"{self.seconds:g} s" if self.seconds else "to the end"


def at_steps(
    steps: Iterable[str], outages: Iterable[Outage], turn: int = 0
) -> Iterator[tuple[str, Outage]]:
    """Every step that needs the part, with a temporary and a permanent failure,
    alternating; `turn` selects the first."""
    known = list(steps)
    for mine in by_part(outages).values():
        ways = [[each for each in mine if each.passes is way] for way in (True, False)]
        turns = [islice(cycle(way), turn, None) for way in ways if way]
        for step in known:
            if re.fullmatch(STEPS[mine[0].part], step):
                for each in turns:
                    yield step, next(each)


def by_part(outages: Iterable[Outage]) -> dict[str, list[Outage]]:
    """Outages by part."""
    found: dict[str, list[Outage]] = {}
    for outage in outages:
        found.setdefault(outage.part, []).append(outage)
    return found


@contextmanager
def small_disks(home: Path, parts: Iterable[str]) -> Iterator[None]:
    """File systems of two megabytes for disks that become full; mounting them needs root."""
    with ExitStack() as stack:
        for part in set(parts) & set(DISKS):
            stack.enter_context(_small_disk(home / DISKS[part]))
        yield


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    subprocess.run(["/usr/bin/mount", *options], check=True)
    try:
        yield
    finally:
        subprocess.run(["/usr/bin/umount", str(folder)], check=True)


def _both(
    away: dict[str, Any], expected: tuple[str, ...], meanwhile: tuple[str, ...] = (GOES_ON,)
) -> Iterator[Outage]:
    """A temporary failure, and the same one as a permanent failure."""
    yield Outage(**away, expected=meanwhile, seconds=_while(away["what"]))
    yield Outage(**away, expected=expected)


def _while(what: str) -> float:
    return SILENT_SECONDS if what in ("hangs", "held") else MOMENT_SECONDS


def _trouble(part: str, trouble: Trouble) -> dict[str, Any]:
    return {
        "part": part, "what": trouble,
        "begin": lambda place: place.ways[WAYS.get(part, part)].suffer(trouble),
        "end": lambda place: place.ways[WAYS.get(part, part)].suffer("none"),
    }  # fmt: skip


def _answers(what: str, fault: str, *, times: int = 0) -> dict[str, Any]:
    return {
        "part": "MailUp", "what": what,
        "begin": lambda place: place.control("faults", {"kind": fault, "times": times}),
        "end": Place.clear_faults,
    }  # fmt: skip


def _orders(
    part: str, what: str, *orders: tuple[str, dict[str, Any]], back: dict[str, Any] | None = None
) -> dict[str, Any]:
    def begin(place: Place) -> None:
        for path, body in orders:
            place.control(path, body)

    return {
        "part": part, "what": what, "begin": begin,
        "end": lambda place: place.control("settings", back or {}),
    }  # fmt: skip


def _full(part: str) -> dict[str, Any]:
    def filler(place: Place) -> Path:
        return place.home / DISKS[part] / ".filler"

    return {
        "part": part, "what": "disk full",
        "begin": lambda place: _fill(filler(place)),
        "end": lambda place: filler(place).unlink(missing_ok=True),
    }  # fmt: skip


def _fill(path: Path) -> None:
    """Fill the small file system of a folder; never a disk of this machine, if it is not there."""
    if not path.parent.is_mount():
        raise AssertionError(f"{path.parent} is not a file system of its own: nothing is filled")
    with path.open("wb", buffering=0) as filler:
        for size in (4096, 1):
            with suppress(OSError):
                while filler.write(b"\0" * size):
                    pass


class _Lock:
    """A long transaction of another process in a ledger on SQLite."""

    def __init__(self) -> None:
        self._open: dict[str, sqlite3.Connection] = {}

    def begin(self, place: Place) -> None:
        other = sqlite3.connect(place.database.file, timeout=60, check_same_thread=False)
        self._open[place.name] = other
        other.execute("BEGIN IMMEDIATE")

    def end(self, place: Place) -> None:
        if other := self._open.pop(place.name, None):
            other.close()


_locked = _Lock()
_TROUBLES: tuple[Trouble, ...] = ("refuses", "hangs", "resets")
_UNREACHABLE = ("ServerUnavailable", "TransferInterrupted")
# The ledger is also used between the tasks, where nothing is retried; and where it is not
# used any more, a run continues.
_LEDGER = ("LedgerUnavailable", GOES_ON)
_POSTGRESQL, _SQLITE = {"kinds": ("postgresql",)}, {"kinds": ("sqlite",)}

OUTAGES: tuple[Outage, ...] = (
    *(each for way in _TROUBLES for each in _both(_trouble("file server", way), _UNREACHABLE)),
    *_both(_trouble("upload", "cuts") , _UNREACHABLE),
    # pyftpdlib does not answer if the last bytes of an upload do not fit.
    *_both(_full("client's disk"), _UNREACHABLE),
    *(each for way in _TROUBLES for each in _both(_trouble("MailUp", way), ("MailUpUnavailable",))),
    *_both(_answers("429 to every call", "429"), ("MailUpUnavailable",)),
    *_both(_answers("503 to every call", "503"), ("MailUpUnavailable",)),
    *_both(_answers("answers cut off", "cut"), ("MailUpUnavailable",)),
    Outage(
        **_answers("does it, and hangs up", "drop_after_accept", times=1),
        expected=(GOES_ON,), happens_once=True,
    ),
    # What was revoked is replaced: the access token by the refresh token, both by the password.
    Outage(
        **_orders("MailUp", "access tokens revoked", ("expire_tokens", {})),
        expected=(GOES_ON,), happens_once=True,
    ),
    Outage(
        **_orders("MailUp", "all tokens revoked", ("revoke_tokens", {})),
        expected=(GOES_ON,), happens_once=True,
    ),
    Outage(
        **_orders(
            "MailUp", "user locked out", ("settings", {"password": "new"}), ("revoke_tokens", {}),
            back={"password": "sandbox-password"},
        ),
        expected=("LoginRefused",),
    ),
    Outage(
        **_orders(
            "MailUp's imports", "never end", ("settings", {"import_seconds": 3600}),
            back={"import_seconds": 0.05},
        ),
        # It continues where all imports have ended before.
        expected=("ImportUnfinished", GOES_ON),
    ),
    *(
        each for way in _TROUBLES
        for each in _both({**_trouble("ledger", way), **_POSTGRESQL}, _LEDGER, _LEDGER)
    ),
    *_both(
        {
            "part": "ledger's lock", "what": "held", "begin": _locked.begin, "end": _locked.end,
            **_SQLITE,
        },
        _LEDGER, _LEDGER,
    ),
    *_both(_full("storage"), ("LedgerUnavailable",)),
    *_both(_full("scratch"), ("DiskFull", GOES_ON), ("DiskFull", GOES_ON)),
)  # fmt: skip
