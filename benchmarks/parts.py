"""The parts of the bench, in their order on the page; each is Markdown, piece by piece."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import (
    clients,
    exports,
    imports,
    limits,
    listings,
    performance,
    places,
    small_runs,
    sources,
    transfers,
)
from benchmarks.clients import Command
from benchmarks.contacts import write_contacts
from benchmarks.measuring import PRODUCT, Contender, Series, program, side_by_side
from benchmarks.places import Place
from benchmarks.servers import Sink, Sshd, sink, source, sshd
from benchmarks.source import ROWS

TIMES = 3


@dataclass(frozen=True)
class Ground:
    """What the parts stand on: a folder, an SFTP server, and what was chosen. `peers` is the
    Python of the peers' environment, "" without; `plot` the file for bars, None for none."""

    folder: Path
    sshd: Sshd
    peers: str
    rows: int
    most: int
    plot: Path | None

    @property
    def home(self) -> Path:
        """Folder of the Prefect server and of what flow runs need."""
        return self.folder / "prefect"


@dataclass(frozen=True)
class Runs:
    """Where flow runs find Prefect, and what stands in for MailUp."""

    environment: dict[str, str]
    sink: Sink
    source: str


def told(
    folder: Path, wanted: list[str], peers: str, rows: int, most: int, plot: Path | None
) -> Iterator[str]:
    """The wanted parts, measured one after the other."""
    with sshd(folder / "ssh") as server:
        ground = Ground(folder, server, peers, rows, most, plot)
        inside = [name for name in _OF_RUNS if name in wanted]
        if inside:
            with _runs(ground) as runs:
                for name in inside:
                    yield from _OF_RUNS[name](ground, runs)
        for name in _OTHERS:
            if name in wanted:
                yield from _OTHERS[name](ground)


@contextmanager
def _runs(ground: Ground) -> Iterator[Runs]:
    with (
        sink(ground.folder) as counter,
        source(ground.folder) as url,
        imports.prefect(ground.home, ground.sshd, counter, url) as environment,
    ):
        yield Runs(environment, counter, url)


def _imports(ground: Ground, runs: Runs) -> Iterator[str]:
    found = _found(_importing(ground, runs, ground.rows, ground.peers))
    yield f"## Import, {ground.rows:,} contacts\n\n" + performance.imports_table(found)
    yield performance.steps_table(found[imports.OURS])
    if ground.plot and ground.peers:
        _plot(ground.peers, ground.plot, found)
        yield f"![Seconds of everyone]({ground.plot.name})\n"


def _large(ground: Ground, runs: Runs) -> Iterator[str]:
    """Once each: dlt takes a quarter of an hour."""
    there = _importing(ground, runs, ground.most, ground.peers)
    found = _found([each for each in there if each.name in imports.AT_LENGTH], times=1)
    yield f"## Import, {ground.most:,} contacts\n\n" + performance.imports_table(found)
    yield performance.steps_table(found[imports.OURS])


def _importing(ground: Ground, runs: Runs, rows: int, peers: str) -> list[Contender]:
    return imports.contenders(ground.home, rows, ground.sshd, runs.sink, runs.environment, peers)


def _small(ground: Ground, runs: Runs) -> Iterator[str]:
    fresh = partial(imports.fresh, ground.home, ground.sshd, runs.sink)
    found = _found(small_runs.contenders(ground.home, ground.sshd, runs.environment, fresh))
    yield "## Small runs\n\n" + performance.pairs_table(found, "wall", small_runs.CHEAPEST)


def _exports(ground: Ground, runs: Runs) -> Iterator[str]:
    both = exports.contenders(ground.home, ground.sshd, runs.source, runs.environment, ground.peers)
    yield f"## Export, {ROWS:,} rows of e-mail statistics\n\n" + performance.exports_table(
        _found(both)
    )


def _transfers(ground: Ground) -> Iterator[str]:
    place = places.sftp(ground.sshd)
    transfers.write_file(place, transfers.FILE_MEGABYTES)
    yield from _moved(ground, place, clients.OVER_SFTP, clients.SFTP)
    if why := places.ftp_misses():
        yield f"## Transfer over FTP and FTPS\n\nNOT MEASURED: {why}.\n"
        return
    with places.ftp(ground.folder / "transfers") as servers:
        transfers.write_file(servers[0], transfers.FILE_MEGABYTES)
        for place in servers:
            yield from _moved(ground, place, clients.OVER_FTP, clients.CURL)


def _moved(ground: Ground, place: Place, others: Mapping[str, Command], base: str) -> Iterator[str]:
    """One server, near and far, down and up."""
    yield f"## Transfer of {transfers.FILE_MEGABYTES} MB over {place.name}\n"
    if missing := clients.missing(others):
        yield f"NOT MEASURED, as not installed: {', '.join(missing)}.\n"
    with places.long_line(ground.folder, place) as far:
        for line, there in (("loopback", place), (f"{places.ROUND_TRIP_MILLISECONDS} ms", far)):
            for way, down in (("download", True), ("upload", False)):
                found = _found(transfers.contenders(ground.folder, there, down=down))
                yield f"{line}, {way}:\n"
                yield _beside(found, base)


def _listings(ground: Ground) -> Iterator[str]:
    yield f"## Listing of {listings.FILES:,} files\n"
    yield from _listed(places.sftp(ground.sshd))
    if why := places.ftp_misses():
        yield f"FTP: NOT MEASURED: {why}.\n"
        return
    with places.ftp(ground.folder / "listings") as (plain, _):
        yield from _listed(plain)


def _listed(place: Place) -> Iterator[str]:
    listings.fill(place)
    missing = clients.missing({clients.LFTP: clients.lftp})
    found = _found(listings.contenders(place, beside=not missing))
    yield f"{place.name}{', lftp NOT MEASURED, as not installed' if missing else ''}:\n"
    yield performance.listings_table(found, _base(found, clients.LFTP))


def _base(found: Mapping[str, Series], wanted: str) -> str:
    return wanted if wanted in found else transfers.OURS


def _beside(found: Mapping[str, Series], base: str) -> str:
    return performance.pairs_table(found, "inside", _base(found, base))


def _sources(ground: Ground) -> Iterator[str]:
    """Once each: they take a minute or more, and nothing is compared closely."""
    yield f"## Sources that only read, {ground.rows:,} contacts over SFTP\n"
    if missing := sources.missing(ground.peers):
        yield f"NOT MEASURED, as not installed: {', '.join(missing)}.\n"
    file = "sources.csv"
    write_contacts(ground.sshd.files / file, ground.rows)
    there = list(sources.contenders(ground.folder, ground.sshd, file, ground.peers))
    if there:
        yield performance.sources_table(_found(there, times=1), ground.rows)


def _delta(ground: Ground) -> Iterator[str]:
    """Comparing a full file with the one before, of which two rows in a hundred have changed."""
    command = [*PRODUCT, "benchmarks.delta", "--rows", str(ground.rows)]
    found = []
    for number in range(TIMES):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
        _say(f"  {number + 1}/{TIMES} delta: {found[-1]}")
    head = ("sent of so many rows", "wall, s", "CPU, s", "memory, MB")
    lines = [
        (f"{each['sent']:,} of {each['rows']:,}", str(each["wall_seconds"]),
         str(each["cpu_seconds"]), str(each["peak_mb"]))
        for each in found
    ]  # fmt: skip
    yield "## Row-level delta\n\n" + performance.table(head, lines)


def _limits(ground: Ground) -> Iterator[str]:
    limited = limits.measured(ground.folder / "limited", ground.sshd)
    yield "## Under MailUp's limit\n\n" + performance.limit_lines(limited)


def _found(contenders: list[Contender], times: int = TIMES) -> dict[str, Series]:
    return side_by_side(contenders, times, _say)


def _plot(peers: str, path: Path, found: Mapping[str, Series]) -> None:
    bars = {
        name: sorted([*series.spread("inside"), series.median("inside")])
        for name, series in found.items()
    }
    subprocess.run([peers, *program("plot.py"), str(path)], input=json.dumps(bars), text=True,
                   check=True)  # fmt: skip


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


_OF_RUNS: dict[str, Callable[[Ground, Runs], Iterator[str]]] = {
    "imports": _imports, "large": _large, "small": _small, "exports": _exports,
}  # fmt: skip
_OTHERS: dict[str, Callable[[Ground], Iterator[str]]] = {
    "sources": _sources, "transfers": _transfers, "listings": _listings, "delta": _delta,
    "limits": _limits,
}  # fmt: skip
NAMES = [*_OF_RUNS, *_OTHERS]
