"""The parts of the benchmarks, in the order of the page; each yields Markdown."""

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
class Setup:
    """Setup of all parts: a folder, an SFTP server, and the options. `peers` is the Python of the
    peers' environment, or ""; `plot` the file for a bar chart, or None."""

    folder: Path
    sshd: Sshd
    peers: str
    rows: int
    most: int
    plot: Path | None

    @property
    def home(self) -> Path:
        """Folder of the Prefect server and the flow runs."""
        return self.folder / "prefect"


@dataclass(frozen=True)
class Runs:
    """The environment of flow runs, and the servers in place of MailUp."""

    environment: dict[str, str]
    sink: Sink
    source: str


def measure(
    folder: Path, wanted: list[str], peers: str, rows: int, most: int, plot: Path | None
) -> Iterator[str]:
    """Measure the wanted parts, one after another."""
    with sshd(folder / "ssh") as server:
        setup = Setup(folder, server, peers, rows, most, plot)
        inside = [name for name in _WITH_PREFECT if name in wanted]
        if inside:
            with _runs(setup) as runs:
                for name in inside:
                    yield from _WITH_PREFECT[name](setup, runs)
        for name in _WITHOUT_PREFECT:
            if name in wanted:
                yield from _WITHOUT_PREFECT[name](setup)


@contextmanager
def _runs(setup: Setup) -> Iterator[Runs]:
    with (
        sink(setup.folder) as counter,
        source(setup.folder) as url,
        imports.prefect(setup.home, setup.sshd, counter, url) as environment,
    ):
        yield Runs(environment, counter, url)


def _imports(setup: Setup, runs: Runs) -> Iterator[str]:
    found = _found(_importing(setup, runs, setup.rows, setup.peers))
    yield f"## Import, {setup.rows:,} contacts\n\n" + performance.imports_table(found)
    yield performance.steps_table(found[imports.OURS])
    if setup.plot and setup.peers:
        _plot(setup.peers, setup.plot, found)
        yield f"![Seconds by contender]({setup.plot.name})\n"


def _large(setup: Setup, runs: Runs) -> Iterator[str]:
    """Run once each: dlt takes 15 minutes."""
    there = _importing(setup, runs, setup.most, setup.peers)
    found = _found([each for each in there if each.name in imports.AT_LENGTH], times=1)
    yield f"## Import, {setup.most:,} contacts\n\n" + performance.imports_table(found)
    yield performance.steps_table(found[imports.OURS])


def _importing(setup: Setup, runs: Runs, rows: int, peers: str) -> list[Contender]:
    return imports.contenders(setup.home, rows, setup.sshd, runs.sink, runs.environment, peers)


def _small(setup: Setup, runs: Runs) -> Iterator[str]:
    fresh = partial(imports.fresh, setup.home, setup.sshd, runs.sink)
    found = _found(small_runs.contenders(setup.home, setup.sshd, runs.environment, fresh))
    yield "## Small runs\n\n" + performance.pairs_table(found, "wall", small_runs.CHEAPEST)


def _exports(setup: Setup, runs: Runs) -> Iterator[str]:
    both = exports.contenders(setup.home, setup.sshd, runs.source, runs.environment, setup.peers)
    yield f"## Export, {ROWS:,} rows of e-mail statistics\n\n" + performance.exports_table(
        _found(both)
    )


def _transfers(setup: Setup) -> Iterator[str]:
    place = places.sftp(setup.sshd)
    transfers.write_file(place, transfers.FILE_MEGABYTES)
    yield from _moved(setup, place, clients.OVER_SFTP, clients.SFTP)
    if why := places.ftp_misses():
        yield f"## Transfer over FTP and FTPS\n\nNOT MEASURED: {why}.\n"
        return
    with places.ftp(setup.folder / "transfers") as servers:
        transfers.write_file(servers[0], transfers.FILE_MEGABYTES)
        for place in servers:
            yield from _moved(setup, place, clients.OVER_FTP, clients.CURL)


def _moved(setup: Setup, place: Place, others: Mapping[str, Command], base: str) -> Iterator[str]:
    """One server, on loopback and with latency, download and upload."""
    yield f"## Transfer of {transfers.FILE_MEGABYTES} MB over {place.name}\n"
    if missing := clients.missing(others):
        yield f"NOT MEASURED (not installed): {', '.join(missing)}.\n"
    with places.long_line(setup.folder, place) as far:
        for line, there in (("loopback", place), (f"{places.ROUND_TRIP_MILLISECONDS} ms", far)):
            for way, down in (("download", True), ("upload", False)):
                found = _found(transfers.contenders(setup.folder, there, down=down))
                yield f"{line}, {way}:\n"
                yield _beside(found, base)


def _listings(setup: Setup) -> Iterator[str]:
    yield f"## Listing of {listings.FILES:,} files\n"
    yield from _listed(places.sftp(setup.sshd))
    if why := places.ftp_misses():
        yield f"FTP: NOT MEASURED: {why}.\n"
        return
    with places.ftp(setup.folder / "listings") as (plain, _):
        yield from _listed(plain)


def _listed(place: Place) -> Iterator[str]:
    listings.fill(place)
    missing = clients.missing({clients.LFTP: clients.lftp})
    found = _found(listings.contenders(place, beside=not missing))
    yield f"{place.name}{', lftp NOT MEASURED (not installed)' if missing else ''}:\n"
    yield performance.listings_table(found, _base(found, clients.LFTP))


def _base(found: Mapping[str, Series], wanted: str) -> str:
    return wanted if wanted in found else transfers.OURS


def _beside(found: Mapping[str, Series], base: str) -> str:
    return performance.pairs_table(found, "inside", _base(found, base))


def _sources(setup: Setup) -> Iterator[str]:
    """Run once each: they take a minute or more, and no close comparison is needed."""
    yield f"## Sources that only read, {setup.rows:,} contacts over SFTP\n"
    if missing := sources.missing(setup.peers):
        yield f"NOT MEASURED (not installed): {', '.join(missing)}.\n"
    file = "sources.csv"
    write_contacts(setup.sshd.files / file, setup.rows)
    there = list(sources.contenders(setup.folder, setup.sshd, file, setup.peers))
    if there:
        yield performance.sources_table(_found(there, times=1), setup.rows)


def _delta(setup: Setup) -> Iterator[str]:
    """Compare a full file with the previous one, of which 2 % of the rows have changed."""
    command = [*PRODUCT, "benchmarks.delta", "--rows", str(setup.rows)]
    found = []
    for number in range(TIMES):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
        _say(f"  {number + 1}/{TIMES} delta: {found[-1]}")
    head = ("rows sent of all", "wall, s", "CPU, s", "memory, MB")
    lines = [
        (f"{each['sent']:,} of {each['rows']:,}", str(each["wall_seconds"]),
         str(each["cpu_seconds"]), str(each["peak_mb"]))
        for each in found
    ]  # fmt: skip
    yield "## Delta\n\n" + performance.table(head, lines)


def _limits(setup: Setup) -> Iterator[str]:
    limited = limits.measured(setup.folder / "limited", setup.sshd)
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


_WITH_PREFECT: dict[str, Callable[[Setup, Runs], Iterator[str]]] = {
    "imports": _imports, "large": _large, "small": _small, "exports": _exports,
}  # fmt: skip
_WITHOUT_PREFECT: dict[str, Callable[[Setup], Iterator[str]]] = {
    "sources": _sources, "transfers": _transfers, "listings": _listings, "delta": _delta,
    "limits": _limits,
}  # fmt: skip
NAMES = [*_WITH_PREFECT, *_WITHOUT_PREFECT]
