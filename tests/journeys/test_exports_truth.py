"""Days of traffic, exported at irregular times: the delivered files against MailUp's event log.

The days hold both changes of the clocks, late events, events on the second of a boundary and in
the hour that happens twice. MailUp's answers carry no dates of opens and clicks, so these are
compared without their dates.
"""

import csv
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow

from blocks.servers import FtpServer, FtpsServer
from flows.export_cumulative import export_cumulative
from flows.export_email_statistics import export_email_statistics
from flows.export_sms_outcomes import export_sms_outcomes
from flows.export_unsubscribed import export_unsubscribed
from sandbox.certificates import certificates
from sandbox.file_servers import start_ftp, start_ftps
from sandbox.mailup.crowd import Plan
from sandbox.traffic import play

SPRING, AUTUMN = date(2026, 3, 28), date(2026, 10, 24)
LOOKS = {
    SPRING: ["2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-11-20T00:00:00Z"],
    AUTUMN: ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-11-20T00:00:00Z"],
}
"""Moments at which the exports run; the last one is late enough for every late event."""


def looked(world: Any, start: date, flow: Flow[..., Any], agreed: dict[str, Any]) -> None:
    """Play three days and export at each of the moments, twice at some of them."""
    play(world.mailup.base_url, start, 3, 7, Plan(lists=(1, 2), recipients=400, resends=1))
    agreement = {
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "ledger": "acme",
        "lists": [1, 2, 3], "folder": "out",
    } | agreed  # fmt: skip
    for number, moment in enumerate(LOOKS[start]):
        world.control("POST", "clock", {"now": moment})
        for _ in range(1 + number % 2):
            time.sleep(1.1)
            state = flow(agreement=agreement, return_state=True)
            assert state.is_completed(), state.message


def rows(world: Any) -> list[dict[str, str]]:
    """All rows of all delivered files."""
    found: list[dict[str, str]] = []
    for path in sorted((world.home / "files" / "out").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as handle:
            found += csv.DictReader(handle, delimiter=";")
    return found


def log(world: Any, *kinds: str) -> list[dict[str, Any]]:
    """MailUp's own event log of these kinds."""
    return [event for event in world.control("GET", "events") if event["kind"] in kinds]


@pytest.fixture(params=["sftp", "ftp", "ftps"])
def server(world: Any, request: pytest.FixtureRequest) -> Any:
    """The client's server, over each protocol."""
    login = {"username": "acme", "password": "files-secret"}
    files = world.home / "files"
    if request.param == "sftp":
        yield "sftp-server/acme"
    elif request.param == "ftp":
        with start_ftp(files, **login) as ftp:
            FtpServer(host=ftp.host, port=ftp.port, **login).save("acme", overwrite=True)
            yield "ftp-server/acme"
    else:
        tls = certificates(world.home / "tls")
        keys = {"certificate": tls.certificate, "private_key": tls.private_key}
        with start_ftps(files, **login, **keys) as ftps:
            authority = Path(tls.authority).read_text(encoding="ascii")
            where = {"host": ftps.host, "port": ftps.port, "ca_certificate": authority}
            FtpsServer(**where, **login).save("acme", overwrite=True)
            yield "ftps-server/acme"


def test_every_event_is_delivered_once(world: Any, server: str) -> None:
    """In the reading of every event, the union of the files is the event log, row by row."""
    agreed = {"server": server, "message_days": 4000, "columns": ["idNl", "statusType", "details"]}
    looked(world, AUTUMN, export_email_statistics, agreed)

    delivered = Counter(
        (row["statusType"], int(row["idNl"]), row["email"], row["details"]) for row in rows(world)
    )
    truth = Counter(
        (event["kind"], event["message_id"], event["email"], event["detail"])
        for event in log(world, "SNT", "OPN", "CLK", "NCO")
    )
    # MailUp tells once per recipient that a message was sent, however often it was.
    truth.update({event: 1 - times for event, times in truth.items() if event[0] == "SNT"})
    assert len(truth) > 1000
    assert delivered == truth


@pytest.mark.parametrize("start", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_everybody_who_left_is_told_once(world: Any, start: date) -> None:
    """Unsubscriptions, late ones and those of the doubled hour included, are told once each."""
    looked(world, start, export_unsubscribed, {})

    told = Counter((int(row["idList"]), row["email"]) for row in rows(world))
    left = Counter((event["list_id"], event["email"]) for event in log(world, "UNS"))
    gone = _gone(world)
    assert len(gone) > 50
    # Who came back between two looks was never seen to be gone.
    assert gone <= set(told)
    assert told <= left


def _gone(world: Any) -> set[tuple[int, str]]:
    """Who is unsubscribed at the end, by list."""
    return {
        (list_id, email)
        for list_id in (1, 2, 3)
        for email, person in world.people(list_id).items()
        if person["status"] == "unsubscribed"
    }


def test_every_change_of_an_sms_is_told_once(world: Any) -> None:
    """The last row of each SMS is its final state, and no state is told twice."""
    looked(world, AUTUMN, export_sms_outcomes, {})

    told = [(row["idSMS"], row["recipient"], row["sentdate"], row["status"]) for row in rows(world)]
    assert len(told) > 100
    assert len(told) == len(set(told))


def test_the_cumulative_file_tells_all_of_it(world: Any) -> None:
    """Statistics and unsubscriptions together are the event log and everybody who left."""
    looked(world, AUTUMN, export_cumulative, {"message_days": 4000, "sent": False})

    kinds = Counter(row["statusType"] for row in rows(world))
    truth = Counter(event["kind"] for event in log(world, "OPN", "CLK", "NCO"))
    told = kinds.pop("UNS")
    assert kinds == truth
    assert len(_gone(world)) <= told <= len(log(world, "UNS"))
