"""Promise 4 of the exports, shown by `make kills`: runs that die at every instant, against MailUp's
event log. test_exports_truth.py has more to compare, and dies at some of them in every `make test`,
which does not collect this file."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from deaths import at_every_instant
from kills import Report
from kills_page import stamp
from player import Played, play
from stages import Stage
from streams import SIZE, STREAMS, Stream

AT_ONCE = 4

pytestmark = pytest.mark.timeout(4 * 3600)


def test_a_killed_export_tells_each_row_once(stage: Stage) -> None:
    """Killed at every instant, and run again: each row arrives once, when it is due, and no file or
    window is another one than was rendered."""
    begin, version, report = time.monotonic(), stamp(), Report()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        played = list(pool.map(lambda stream: _played(stage, stream), STREAMS.values()))
    for each in played:
        report.add(each.died.elements(), *_lost_and_doubled(each))
    rows = sum(rows.total() for each in played for rows in each.due)
    report.tell(
        f"Exports that are killed, the ledger on {stage.kind}, the files over SFTP, FTP and FTPS",
        f"{len(STREAMS)} streams, {sum(each.runs for each in played)} runs, {rows} rows due",
        f"{version}; {time.monotonic() - begin:.0f} s",
    )

    assert report.wrong == []
    assert rows > 100 * len(STREAMS)
    assert [set(each.lived) - set(each.died) for each in played] == [set()] * len(played)


def _played(stage: Stage, stream: Stream) -> Played:
    name = f"{stage.kind}-{stream.name}"
    home = stage.home / name
    home.mkdir()
    database = stage.databases(stage.kind, name)
    return play(stream, home, name, database, at_every_instant(stream))


def _lost_and_doubled(played: Played) -> tuple[Counter[object], Counter[object]]:
    lost: Counter[object] = Counter()
    doubled: Counter[object] = Counter(played.faults)
    for moment, due, told in zip(SIZE.moments, played.due, played.rows, strict=True):
        lost += Counter({(moment, row): times for row, times in (due - told).items()})
        doubled += Counter({(moment, row): times for row, times in (told - due).items()})
    return lost, doubled
