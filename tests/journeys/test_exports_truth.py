"""A month of traffic, exported at irregular times by runs that are killed: the files are the truth.

What is delivered is compared with MailUp's own event log, row by row and moment by moment, for
each kind of export and each reading, over SFTP, FTP and FTPS, the ledgers in turn on SQLite and on
PostgreSQL. `make truth` plays the whole month.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.harness.child_run import Instant
from tests.journeys.harness.expected_exports import Rows
from tests.journeys.harness.export_player import play
from tests.journeys.harness.kill_schedule import at, chosen
from tests.journeys.harness.streams import PLAYED, SIZE, STREAMS
from tests.servers.databases import KINDS, Database

pytestmark = pytest.mark.timeout(SIZE.longest_seconds)


@pytest.mark.parametrize("name", PLAYED)
def test_the_files_are_the_event_log(
    tmp_path: Path, name: str, databases: Callable[[str, str], Database]
) -> None:
    """At each moment exactly the rows arrive that are new, whatever died; nothing is left over."""
    stream = STREAMS[name]
    kind = KINDS[list(STREAMS).index(name) % len(KINDS)]
    planned = chosen(stream, tmp_path / "files" / "out")
    played = play(stream, tmp_path, name, databases(kind, name), at(planned))

    for moment, due, delivered in zip(SIZE.moments, played.due, played.rows, strict=True):
        missing, surplus = due - delivered, delivered - due
        assert not missing, f"{moment}: {missing.total()} are missing, such as {_some(missing)}"
        assert not surplus, f"{moment}: {surplus.total()} are too many, such as {_some(surplus)}"
    assert played.faults == []
    assert sum(rows.total() for rows in played.rows) > 100
    assert {str(death) for _, death in planned if isinstance(death, Instant)} <= set(played.died)


def _some(rows: Rows) -> list[tuple[str, ...]]:
    return sorted(rows)[:3]
