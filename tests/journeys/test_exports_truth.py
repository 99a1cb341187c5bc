"""A month of traffic, exported at irregular times by runs that are killed: the files are the truth.

What is delivered is compared with MailUp's own event log, row by row and moment by moment, for
each kind of export and each reading, over SFTP, FTP and FTPS. `make truth` plays the whole month.
"""

from datetime import datetime
from pathlib import Path

import pytest
import truth
from mortal import Instant, Runner
from places import Place, place
from player import Player, deaths
from prefect.settings import PREFECT_API_URL
from streams import SIZE, STREAMS, play_month
from truth import Rows

pytestmark = pytest.mark.timeout(SIZE.longest_seconds)


@pytest.mark.parametrize("name", STREAMS)
def test_the_files_are_the_event_log(tmp_path: Path, name: str) -> None:
    """At each moment exactly the rows arrive that are new, whatever died; nothing is left over."""
    stream = STREAMS[name]
    play_month(tmp_path / "mailup")
    with place(tmp_path, name, stream.protocol) as there:
        there.save_blocks()
        log = truth.read(there.log())
        expected = stream.expected(log, _subscribed_at_first(there))
        runner = Runner(PREFECT_API_URL.value(), tmp_path)
        played = Player(stream, there, runner).play()
    print(f"\n{name}: {len(log)} events in MailUp, {played}")

    for moment, due, told in zip(SIZE.moments, expected, played.rows, strict=True):
        missing, surplus = due - told, told - due
        assert not missing, f"{moment}: {missing.total()} are missing, such as {_some(missing)}"
        assert not surplus, f"{moment}: {surplus.total()} are too many, such as {_some(surplus)}"
    assert played.faults == []
    assert sum(rows.total() for rows in played.rows) > 100
    chosen = {str(death) for _, death in deaths(stream, there.out) if isinstance(death, Instant)}
    assert chosen <= set(played.died)


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


def _some(rows: Rows) -> list[tuple[str, ...]]:
    return sorted(rows)[:3]
