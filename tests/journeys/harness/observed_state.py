"""What a stream's client has received, and what ledger and MailUp hold, row by row."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from tests.journeys.harness.expected_exports import Rows, text
from tests.journeys.harness.sandboxes import Place
from tests.journeys.harness.streams import Stream


class Witness:
    """Observes one stream's place: `faults` are the errors, `exported` the rows of all windows
    without what may change."""

    def __init__(self, stream: Stream, place: Place) -> None:
        self._stream, self._place = stream, place
        self._seen: dict[str, str] = {}
        self.exported: Counter[tuple[str, ...]] = Counter()
        self.faults: list[str] = []

    def look_at_what_is_left(self) -> None:
        """Of a run that did not complete the client sees whole files of windows that are written
        down."""
        windows, contents = self.windows(), self.contents()
        for name in contents:
            file = name.removesuffix(".ok")
            if name.startswith(".") or "manual" in name:
                continue
            if file not in windows:
                self.fault(f"{name} belongs to no window when a run has ended")
            elif file == name and contents[name] != windows[name][1]:
                self.fault(f"{name} is not whole when a run has ended")
            elif file != name and self._marker(name) != f"{windows[file][1]}  {file}\n":
                self.fault(f"{name} marks another file as done when a run has ended")

    def _marker(self, name: str) -> str:
        return (self._place.out / name).read_text(encoding="utf-8")

    def windows(self) -> dict[str, tuple[datetime, str]]:
        """End and hash of each window of the ledger, by the name of its file."""
        rows = self._place.database.rows("SELECT file_name, window_end, sha256 FROM exports")
        return {
            name: (datetime.fromisoformat(str(end)).replace(tzinfo=UTC), sha256)
            for name, end, sha256 in rows
        }

    def files(self) -> Iterator[Path]:
        """The files of windows, in the order of their numbers."""
        files = [path for path in self._place.out.glob("*.csv") if "manual" not in path.name]
        yield from sorted(files, key=lambda path: int(path.stem.rpartition("_")[2]))

    def arrived(self) -> Rows:
        """The rows of all new files, in the compared columns."""
        found: Rows = Counter()
        windows = self.windows()
        for path in self.files():
            if path.name in self._seen:
                continue
            self._seen[path.name] = _sha256(path)
            first_seen = text(windows[path.name][0] - timedelta(microseconds=1))
            for row in rows_of(path):
                self.exported[lasting(row)] += 1
                found[self._compared(row)] += 1
                if first_seen != (_moment_of_sight(row) or first_seen):
                    self.fault(f"{path.name} dates a row otherwise than by its window")
        return found

    def _compared(self, row: dict[str, str]) -> tuple[str, ...]:
        if self._stream.kind == "cumulative" and row["statusType"] != "UNS":
            row = row | {"statusChange": ""}
        return tuple(row[name] for name in self._stream.compared)

    def fault(self, text: str) -> None:
        """Record an error."""
        if text not in self.faults:
            self.faults.append(text)

    def contents(self) -> dict[str, str]:
        """Hashes of all files in the client's folder, by name."""
        return {path.name: _sha256(path) for path in self._place.out.iterdir()}

    def look_at_the_end(self) -> None:
        """Each name still has the same bytes, no temporary file is left, the watermark is where
        the windows end, and nothing was written to MailUp."""
        contents = self.contents()
        for name, (_, sha256) in self.windows().items():
            if {sha256} != {contents.get(name), self._seen.get(name)}:
                self.fault(f"{name} is not what was rendered for it")
        markers = {f"{name}.ok" for name in contents if name.endswith(".csv")}
        files = {*self.windows(), *(name for name in contents if "manual" in name)}
        if set(contents) != files | markers:
            self.fault(f"left over: {sorted(set(contents) - files - markers)}")
        kept = Counter(path.parent.name for path in (self._place.home / "storage").glob("*/*"))
        if kept["staged"] != 1 or kept["snapshots"] > 2:
            self.fault(f"kept in the storage: {dict(kept)}")
        self._look_at_the_watermark()
        for call in self._place.control("log"):
            if call["method"] != "GET" and "Token" not in call["path"]:
                self.fault(f"MailUp was given an order: {call['method']} {call['path']}")

    def _look_at_the_watermark(self) -> None:
        """Windows follow each other without a gap, and each was rendered and delivered once."""
        windows = self._place.database.rows(
            "SELECT number, state, window_start, window_end FROM exports ORDER BY number"
        )
        for (_, _, _, end), (number, _, start, _) in pairwise(windows):
            if start != end:
                self.fault(f"window {number} does not begin where the one before ends")
        numbers = [number for number, *_ in windows]
        if numbers != list(range(1, 1 + len(windows))):
            self.fault(f"the windows are {numbers}")
        if {state for _, state, *_ in windows} != {"delivered"}:
            self.fault("a window is not delivered")
        found = Counter(
            (step, (detail if isinstance(detail, dict) else json.loads(detail))["number"])
            for step, detail in self._place.database.rows(
                "SELECT step, detail FROM journal WHERE step LIKE 'window_%'"
            )
        )
        steps = ("window_rendered", "window_delivered")
        if found != Counter((step, number) for step in steps for number in numbers):
            self.fault("the journal has other windows than there are")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a file, by their header."""
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream, delimiter=";")


def _moment_of_sight(row: dict[str, str]) -> str:
    """The date of a row that has none at MailUp, else ""."""
    if row.get("statusType") in ("OPN", "CLK", "NCO"):
        return row["statusChange"]
    return row.get("responsedate", "")


def lasting(row: dict[str, str]) -> tuple[str, ...]:
    """A row without what changes when its message is sent once more."""
    changing = {"idInvio", "sentDate"} | ({"statusChange"} & _undated(row))
    return tuple(value for name, value in row.items() if name not in changing)


def _undated(row: dict[str, str]) -> set[str]:
    return {"statusChange"} if row.get("statusType") == "SNT" else set()
