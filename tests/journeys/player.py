"""Runs the export of one stream through its moments and deaths, and collects what arrived."""

import csv
import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from mortal import Arrival, Death, Instant, Moment, Runner
from places import Place
from streams import SIZE, STREAMS, Stream
from truth import Rows, text

ANY_DAY = {"since": "2000-01-01", "until": "2027-01-01"}
"""A window by hand that holds everything, and so has the same name each time."""

BOTH_STORED = Instant("blocks.ledger.storage:Storage.put", nth=2, after=True)


def deaths(stream: Stream, out: Path) -> list[tuple[int, Death]]:
    """At which moment, by its number, and where a stream's runs die; all streams die everywhere."""
    chosen: tuple[Death, ...] = (
        Instant("blocks.mailup.session:Session.read", nth=4),
        Instant("tasks.extract:compress"),
        Instant("blocks.ledger.storage:Storage.put", after=True),
        BOTH_STORED,
        Instant("blocks.ledger.exports:rendered", after=True),
        Arrival(out),
        Instant("tasks.hand_over:deliver", after=True),
        Instant("tasks.hand_over:deliver", nth=2, after=True),
        Instant("blocks.ledger.storage:Storage.remove", after=True),
        Instant("blocks.ledger.exports:delivered", after=True),
    )
    chance, place = Random(stream.name), list(STREAMS).index(stream.name)
    first = place * SIZE.chosen_deaths
    mine = [chosen[(first + n) % len(chosen)] for n in range(SIZE.chosen_deaths)]
    mine += [Moment(chance.uniform(0.3, SIZE.longest_life)) for _ in range(SIZE.random_deaths)]
    # At the first moment nothing old can be removed; two files are stored only where something is
    # new; and what dies late in a run dies after what dies early.
    last = len(SIZE.moments) - 1
    return [
        (last if death == BOTH_STORED else chance.randint(1, last), death)
        for death in sorted(mine, key=lambda death: (*chosen, death).index(death))
    ]


@dataclass
class Played:
    """What came of a stream: the new rows of each moment, and everything to be measured."""

    rows: list[Rows] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    died: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        rows = sum(rows.total() for rows in self.rows)
        dead = self.died.total()
        return f"{rows} rows by {self.runs} runs, {dead} of them killed, {self.seconds:.0f} s"


class Player:
    """Plays one stream in its place."""

    def __init__(self, stream: Stream, place: Place, runner: Runner) -> None:
        self._stream, self._place, self._runner = stream, place, runner
        self._seen: dict[str, str] = {}
        self._told: Counter[tuple[str, ...]] = Counter()
        self.played = Played()

    def play(self) -> Played:
        """Run at every moment, die as it comes, run again; look at everything that arrived."""
        begin, dying = time.monotonic(), deaths(self._stream, self._place.out)
        for number, moment in enumerate(SIZE.moments):
            self._place.control("clock", {"now": moment.isoformat()})
            for death in [death for at, death in dying if at == number]:
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
        self._runner.run(self._stream.flow, {"agreement": self._stream.agreement, **asked})

    def _die(self, death: Death) -> None:
        time.sleep(1.1)
        self.played.runs += 1
        given = {"agreement": self._stream.agreement}
        if self._runner.kill(self._stream.flow, given, death):
            self.played.died[str(death)] += 1
        # The lease of a dead run holds for a minute; the test does not wait for it.
        with sqlite3.connect(self._place.ledger) as ledger:
            ledger.execute("UPDATE leases SET expires_at = '2000-01-01 00:00:00.000000'")
        ledger.close()

    def _windows(self) -> dict[str, tuple[datetime, str]]:
        """End and hash of each window of the ledger, by the name of its file."""
        with sqlite3.connect(self._place.ledger) as ledger:
            rows = ledger.execute("SELECT file_name, window_end, sha256 FROM exports").fetchall()
        ledger.close()
        return {
            name: (datetime.fromisoformat(end).replace(tzinfo=UTC), sha256)
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
