"""The emulator's clock and its event log, which delivered files are compared with."""

import io
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import requests

from sandbox.mailup.caller import Caller
from sandbox.mailup.crowd import Plan
from sandbox.mailup.server import DATABASE, start
from sandbox.traffic import play_day

DAY = date(2025, 3, 4)
SENT = "2025-03-04T08:00:00Z"
QUIET = Plan(lists=(1,), sms_list=None, recipients=400, late=0.3)


@pytest.fixture
def mailup(new_account: Caller) -> Caller:
    """An account whose clock stands at the morning of a day, all of whose traffic lies ahead."""
    new_account.control("clock", {"now": "2025-03-04T00:00:00Z"})
    play_day(new_account.emulator.base_url, DAY, 3, QUIET)
    return new_account


def newest(mailup: Caller) -> dict[str, Any]:
    """The message created last, as far as the clock has come."""
    found: dict[str, Any] = mailup.items("/Console/List/1/Emails?orderby=idMessage desc")[0]
    return found


def test_what_lies_ahead_is_not_seen(mailup: Caller) -> None:
    """Message, sending, events and status show when the clock reaches them, to the second."""
    assert newest(mailup)["idMessage"] < 13
    seen = []
    for now in ("2025-03-04T07:59:59Z", SENT):
        mailup.control("clock", {"now": now})
        message = newest(mailup)["idMessage"]
        history = mailup.items(f"/Console/List/1/Email/{message}/SendHistory")
        seen.append((len(history), mailup.get(f"/Message/{message}/Count/Recipients") > 0))
    assert seen == [(0, False), (1, True)]
    assert history[0]["EndDate"] == "0001-01-01 00:00:00Z"
    assert mailup.call("GET", "/Message/999/Count/Views").status_code == 403


def test_late_events_show_when_they_are_registered(mailup: Caller) -> None:
    """An event of the past that MailUp has not learned of counts nowhere, and then everywhere."""
    opens = mailup.control("events?kind=OPN&future=true&since=2025-03-04")
    late = next(one for one in opens if one["registered"] > one["at"])
    counts = []
    for now in (late["at"], late["registered"]):
        mailup.control("clock", {"now": now})
        rows = mailup.items(
            f"/Message/{late['message_id']}/List/Views?filterby=IdRecipient=={late['recipient_id']}"
        )
        counts.append(sum(row["Count"] for row in rows))
    assert counts == [
        sum(
            one["recipient_id"] == late["recipient_id"] and one["registered"] <= now
            for one in opens
        )
        for now in (late["at"], late["registered"])
    ]
    assert counts[0] < counts[1]


def test_a_played_unsubscription_takes_effect_with_the_clock(mailup: Caller) -> None:
    """Until it is registered the recipient is subscribed; then it has date, cause and message."""
    event = mailup.control("events?kind=UNS&future=true&since=2025-03-04")[0]
    path = f"/Console/List/1/Recipients/EmailOptins?filterby=idRecipient=={event['recipient_id']}"
    before = mailup.items(path)[0]["Status"]
    mailup.control("clock", {"now": event["registered"]})
    row = mailup.items(path)[0]
    assert (before, row["Status"]) == ("OPTIN", "OPTOUT")
    assert (row["Optout_Type"], str(row["Optout_Subtype"])) == (event["status"], event["detail"])
    assert row["Optout_MsgID"] == (event["message_id"])
    local = pl.Series([event["at"]]).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    rome = local.dt.convert_time_zone("Europe/Rome").dt.strftime("%Y-%m-%d %H:%M:%S.000")
    assert row["Optout_Date"] == rome[0]


def test_the_clock_goes_forward_only(mailup: Caller) -> None:
    """What took effect cannot be undone: going back before it is refused with the reason."""
    mailup.control("clock", {"now": "2025-04-01T00:00:00Z"})
    url = f"{mailup.emulator.base_url}/_sandbox/clock"
    answer = requests.post(url, json={"now": SENT}, timeout=5)
    assert (answer.status_code, "forward" in answer.text) == (400, True)
    assert mailup.control("clock")["now"] == "2025-04-01T00:00:00+00:00"
    assert mailup.control("clock", {"now": None})["fixed"] is False


def test_the_clock_outlives_the_process(tmp_path: Path) -> None:
    """A stopped clock stands where it stood when the emulator starts again."""
    with start(tmp_path) as emulator:
        Caller(emulator).control("clock", {"now": SENT})
    with start(tmp_path) as emulator:
        assert Caller(emulator).control("clock") == {
            "now": "2025-03-04T08:00:00+00:00",
            "fixed": True,
        }


def test_the_log_is_cut_half_open_by_registration(mailup: Caller) -> None:
    """`since` is included, `until` is not, so that neighbouring windows share nothing."""
    mailup.control("clock", {"now": "2025-03-20T00:00:00Z"})
    whole = mailup.control("events?since=2025-03-04")
    border = whole[len(whole) // 2]["registered"]
    first = mailup.control(f"events?since=2025-03-04&until={border}")
    second = mailup.control(f"events?since={border}")
    assert [*first, *second] == whole
    assert first[-1]["registered"] < border == second[0]["registered"]


def test_the_log_is_given_in_three_formats(mailup: Caller) -> None:
    """JSON, CSV and Parquet hold the same events, of one list and kind if asked."""
    mailup.control("clock", {"now": "2025-03-20T00:00:00Z"})
    url = f"{mailup.emulator.base_url}/_sandbox/events?list=1&kind=CLK"
    reported = mailup.control("events?list=1&kind=CLK")
    table = requests.get(f"{url}&format=csv", timeout=10).content
    parquet = pl.read_parquet(io.BytesIO(requests.get(f"{url}&format=parquet", timeout=10).content))
    assert pl.read_csv(table)["id"].to_list() == [one["id"] for one in reported]
    assert parquet["detail"].to_list() == [one["detail"] for one in reported]
    assert parquet.schema["registered"] == pl.Datetime("us", "UTC")
    assert {one["kind"] for one in reported} == {"CLK"}


def test_what_is_done_by_hand_is_logged(mailup: Caller) -> None:
    """Unsubscriptions by control API and by call: dated as given, registered now."""
    mailup.control("clock", {"now": "2025-03-20T12:00:00Z"})
    person = {"list": 1, "email": "subscribed.001@example.it", "message": 11}
    mailup.control("unsubscribe", person | {"when": "2025-03-19T10:00:00Z"})
    mailup.control("bounce", {"email": "subscribed.002@example.it"})
    mailup.call("DELETE", "/Console/List/1/Unsubscribe/3").raise_for_status()
    found = [
        (one["recipient_id"], one["list_id"], one["status"], one["message_id"], one["at"])
        for one in mailup.control("events?kind=UNS&since=2025-03-20T12:00:00Z")
    ]
    now = "2025-03-20T12:00:00Z"
    assert found == [
        (1, 1, 2, 11, "2025-03-19T10:00:00Z"),
        *((2, list_id, 8, None, now) for list_id in (1, 2, 3)),
        (3, 1, 0, None, now),
    ]


def test_imports_are_dated_by_the_clock(mailup: Caller) -> None:
    """People imported while the clock is stopped have joined at its time."""
    mailup.control("clock", {"now": "2025-03-20T12:00:00Z"})
    mailup.import_all("/Console/List/1/Recipients", [{"Email": "imported@example.it"}])
    joined = mailup.people(1)["imported@example.it"]["optin_date"]
    assert joined == "2025-03-20 13:00:00.000"


def test_a_new_account_has_a_log_that_agrees_with_its_lists(mailup: Caller) -> None:
    """Everybody whom the planted account shows as gone has a planted event."""
    gone = {row["id"] for row in mailup.people(1).values() if row["status"] == "unsubscribed"}
    logged = mailup.control("events?kind=UNS&list=1")
    assert {one["recipient_id"] for one in logged} == gone


def test_a_home_with_counted_events_is_planted_anew(tmp_path: Path) -> None:
    """A state of the version with counts instead of events still starts, with the same results."""
    with start(tmp_path) as emulator:
        views = Caller(emulator).get("/Message/11/Count/Views")
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        connection.execute("DROP TABLE event")
        connection.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, count INTEGER)")
    connection.close()
    with start(tmp_path) as emulator:
        assert Caller(emulator).get("/Message/11/Count/Views") == views
