"""Runs the export of one stream through its moments and deaths, and collects what arrived."""

import csv
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import truth
from mortal import Death, Runner
from places import Place, place
from prefect.settings import get_current_settings
from streams import SIZE, Stream, play_month
from truth import Rows, text

from tests.servers.databases import Database

ANY_DAY = {"since": "2000-01-01", "until": "2027-01-01"}
"""A window by hand that holds everything, and so has the same name each time."""


@dataclass
class Played:
    """What came of a stream: the rows that were due and the new ones of each moment, what else is
    wrong, where its runs died, and the instants of those that nobody killed."""

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
"""How a stream's runs die at a moment, by its number; asked for one after the other."""


class Player:
    """Plays one stream in its place."""

    def __init__(self, stream: Stream, place: Place, runner: Runner) -> None:
        self._stream, self._place, self._runner = stream, place, runner
        self._agreement = stream.agreement(place.name)
        self._seen: dict[str, str] = {}
        self._told: Counter[tuple[str, ...]] = Counter()
        self.played = Played()

    def play(self, dying: Dying) -> Played:
        """Run at every moment, die as it comes, run again; look at everything that arrived."""
        begin = time.monotonic()
        for number, moment in enumerate(SIZE.moments):
            self._place.control("clock", {"now": moment.isoformat()})
            for death in dying(number, self.played):
                self._die(death)
            self._run()
            self.played.rows.append(self._arrived())
            if number == 1:
                self._deliver_again()
            if number == 2:
                self._repeat_by_hand()
        self._look_at_the_end()
        self.played.seconds = time.monotonic() - begin
        return self.played

    def _run(self, **asked: Any) -> None:
        # A window ends on a whole second, so the next one needs a later one.
        time.sleep(1.1)
        self.played.runs += 1
        self._runner.run(self._stream.flow, {"agreement": self._agreement, **asked})
        self.played.lived |= dict.fromkeys(self._runner.steps())

    def _die(self, death: Death) -> None:
        time.sleep(1.1)
        self.played.runs += 1
        given = {"agreement": self._agreement}
        if where := self._runner.kill(self._stream.flow, given, death):
            self.played.died[where] += 1
            self._look_at_what_is_left()
        self._place.database.let_leases_expire()

    def _look_at_what_is_left(self) -> None:
        """Of a run that died the client sees whole files of windows that are written down."""
        windows, contents = self._windows(), self._contents()
        for name in contents:
            file = name.removesuffix(".ok")
            if name.startswith(".") or "manual" in name:
                continue
            if file not in windows:
                self._fault(f"{name} belongs to no window when a run dies")
            elif file == name and contents[name] != windows[name][1]:
                self._fault(f"{name} is not whole when a run dies")
            elif file != name and self._marker(name) != f"{windows[file][1]}  {file}\n":
                self._fault(f"{name} marks another file as done when a run dies")

    def _marker(self, name: str) -> str:
        return (self._place.out / name).read_text(encoding="utf-8")

    def _windows(self) -> dict[str, tuple[datetime, str]]:
        """End and hash of each window of the ledger, by the name of its file."""
        rows = self._place.database.rows("SELECT file_name, window_end, sha256 FROM exports")
        return {
            name: (datetime.fromisoformat(str(end)).replace(tzinfo=UTC), sha256)
            for name, end, sha256 in rows
        }

    def _files(self) -> Iterator[Path]:
        """The files of windows, in the order of their numbers."""
        files = [path for path in self._place.out.glob("*.csv") if "manual" not in path.name]
        yield from sorted(files, key=lambda path: int(path.stem.rpartition("_")[2]))

    def _arrived(self) -> Rows:
        """The rows of all files that are new, as far as they are compared."""
        found: Rows = Counter()
        windows = self._windows()
        for path in self._files():
            if path.name in self._seen:
                continue
            self._seen[path.name] = _sha256(path)
            first_seen = text(windows[path.name][0] - timedelta(microseconds=1))
            for row in _rows(path):
                self._told[_lasting(row)] += 1
                found[self._compared(row)] += 1
                if first_seen != (_moment_of_sight(row) or first_seen):
                    self._fault(f"{path.name} dates a row otherwise than by its window")
        return found

    def _compared(self, row: dict[str, str]) -> tuple[str, ...]:
        if self._stream.kind == "cumulative" and row["statusType"] != "UNS":
            row = row | {"statusChange": ""}
        return tuple(row[name] for name in self._stream.compared)

    def _fault(self, told: str) -> None:
        if told not in self.played.faults:
            self.played.faults.append(told)

    def _deliver_again(self) -> None:
        """The client loses the last file, and gets it again; nothing else happens."""
        before, windows = self._contents(), self._windows()
        list(self._files())[-1].unlink()
        self._run(again=True)
        if self._contents() != before or self._windows() != windows:
            self._fault("delivered again, the last file is another one, or not the only one")

    def _repeat_by_hand(self) -> None:
        """A window by hand, twice: one name, one content, told before, and no watermark moved."""
        windows = self._windows()
        self._run(**ANY_DAY)
        once = self._contents()
        self._run(**ANY_DAY)
        if self._contents() != once or self._windows() != windows:
            self._fault("repeated by hand, a window has another name or content, or moved")
        (path,) = self._place.out.glob("*manual*.csv")
        rows = Counter(map(_lasting, _rows(path)))
        whole = self._stream.name == "every-event"
        if rows - self._told or (whole and rows != self._told):
            self._fault("a window by hand tells other rows than the windows have told")

    def _contents(self) -> dict[str, str]:
        return {path.name: _sha256(path) for path in self._place.out.iterdir()}

    def _look_at_the_end(self) -> None:
        """Each name still means the same bytes, and nothing is left lying about."""
        contents = self._contents()
        for name, (_, sha256) in self._windows().items():
            if {sha256} != {contents.get(name), self._seen.get(name)}:
                self._fault(f"{name} is not what was rendered for it")
        markers = {f"{name}.ok" for name in contents if name.endswith(".csv")}
        files = {*self._windows(), *(name for name in contents if "manual" in name)}
        if set(contents) != files | markers:
            self._fault(f"left over: {sorted(set(contents) - files - markers)}")
        kept = Counter(path.parent.name for path in (self._place.home / "storage").glob("*/*"))
        if kept["staged"] != 1 or kept["snapshots"] > 2:
            self._fault(f"kept in the storage: {dict(kept)}")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream, delimiter=";")


def _moment_of_sight(row: dict[str, str]) -> str:
    """The date of a row that MailUp does not date; "" for one that it does."""
    if row.get("statusType") in ("OPN", "CLK", "NCO"):
        return row["statusChange"]
    return row.get("responsedate", "")


def _lasting(row: dict[str, str]) -> tuple[str, ...]:
    """A row without what changes when its message is sent once more."""
    changing = {"idInvio", "sentDate"} | ({"statusChange"} & _undated(row))
    return tuple(value for name, value in row.items() if name not in changing)


def _undated(row: dict[str, str]) -> set[str]:
    return {"statusChange"} if row.get("statusType") == "SNT" else set()


def play(stream: Stream, home: Path, name: str, database: Database, dying: Dying) -> Played:
    """Play a stream over its traffic, its blocks being called `name`."""
    play_month(home / "mailup")
    with place(home, name, stream.protocol, database) as there:
        there.save_blocks()
        log = truth.read(there.log())
        expected = stream.expected(log, _subscribed_at_first(there))
        runner = Runner(str(get_current_settings().api.url), home)
        played = Player(stream, there, runner).play(dying)
    played.due = expected
    print(f"\n{name}: {len(log)} events in MailUp, {played}")
    return played


def _subscribed_at_first(there: Place) -> dict[tuple[int, str], str]:
    """Since when who is subscribed at the first moment, by list and address."""
    there.control("clock", {"now": SIZE.moments[0].isoformat()})
    return {
        (list_id, person["email"]): _local(person["optin_date"])
        for list_id in (1, 2, 3)
        for person in there.control(f"state?list={list_id}")
        if person["status"] == "subscribed"
    }


def _local(told: str) -> str:
    """MailUp's local date as the files have it."""
    return f"{datetime.fromisoformat(told):%Y%m%dT%H%M%S}" if told else ""
