"""Promise 4 of the exports, shown by `make kills`: runs that die at every instant, against MailUp's
event log. test_exports_truth.py has more to compare, and dies at some of them in every `make test`,
which does not collect this file."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.journeys.harness.export_player import Played, play
from tests.journeys.harness.kill_results import Report
from tests.journeys.harness.kill_schedule import at_every_instant
from tests.journeys.harness.kills_records import Part
from tests.journeys.harness.scenarios import Stage
from tests.journeys.harness.streams import SIZE, STREAMS, Stream

AT_ONCE = 4

pytestmark = pytest.mark.timeout(4 * 3600)


def test_a_killed_export_tells_each_row_once(stage: Stage) -> None:
    """Killed at every instant, and run again: each row arrives once, when it is due, and no file or
    window is another one than was rendered."""
    report = Report("exports over SFTP, FTP and FTPS: killed", stage.kind)
    todo = report.missing(Part.chosen().of(list(STREAMS)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for each in pool.map(lambda name: _played(stage, STREAMS[name]), todo):
            report.add(each.name, each.died.elements(), *_lost_and_doubled(each))
            assert set(each.lived) <= set(each.died), each.name
            assert sum(rows.total() for rows in each.due) > 100
    report.publish()

    assert report.wrong == []
    assert report.cases


def _played(stage: Stage, stream: Stream) -> Played:
    name = f"{stage.kind}-{stream.name}"
    home = stage.home / name
    home.mkdir()
    database = stage.databases(stage.kind, name)
    return play(stream, home, name, database, at_every_instant(stream))


def _lost_and_doubled(played: Played) -> tuple[Counter[object], Counter[object]]:
    lost: Counter[object] = Counter()
    doubled: Counter[object] = Counter(played.faults)
    for moment, due, delivered in zip(SIZE.moments, played.due, played.rows, strict=True):
        lost += Counter({(moment, row): times for row, times in (due - delivered).items()})
        doubled += Counter({(moment, row): times for row, times in (delivered - due).items()})
    return lost, doubled
