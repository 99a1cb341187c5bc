"""What the emulator reports about messages, checked against its own event log."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.mailup.caller import Caller
from sandbox.mailup.crowd import Plan
from sandbox.mailup.server import start
from sandbox.traffic import play_day

EARLIER, LATER = "2025-06-09T00:00:00Z", "2025-06-20T00:00:00Z"
DAY = date(2025, 6, 10)
KINDS = {"Recipients": "SNT", "Views": "OPN", "Clicks": "CLK", "UrlClickDetails": "CLK",
         "Bounces": "NCO", "Unsubscriptions": "UNS"}  # fmt: skip
Row = dict[str, Any]


@pytest.fixture(scope="module")
def mailup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """An account with a day of traffic, long over."""
    home: Path = tmp_path_factory.mktemp("mailup")
    with start(home, import_seconds=0, calls_per_second=0) as emulator:
        caller = Caller(emulator)
        caller.control("clock", {"now": EARLIER})
        play_day(emulator.base_url, DAY, 7, Plan(lists=(1,), recipients=1500))
        caller.control("clock", {"now": LATER})
        yield caller


@pytest.fixture
def message(mailup: Caller) -> int:
    """The message of the day."""
    found: int = mailup.items("/Console/List/1/Emails?orderby=idMessage desc")[0]["idMessage"]
    return found


def walked(mailup: Caller, path: str, size: int, order: str = "IdRecipient") -> list[Row]:
    """All pages of a resource."""
    rows: list[Row] = []
    for number in count():
        items = mailup.items(f"{path}?PageSize={size}&PageNumber={number}&orderby={order}")
        rows += items
        if not items:
            break
    return rows


def logged(mailup: Caller, message: int, kind: str) -> list[Row]:
    """The event log of one message."""
    found: list[Row] = mailup.control(f"events?message={message}&kind={kind}")
    return found


@pytest.mark.parametrize("resource", KINDS)
def test_lists_count_the_event_log(mailup: Caller, message: int, resource: str) -> None:
    """Each row is a recipient (and link, and code), its Count the number of logged events."""
    by_detail = resource in ("UrlClickDetails", "Bounces")
    expected = Counter(
        (event["recipient_id"], event["detail"] if by_detail else None)
        for event in logged(mailup, message, KINDS[resource])
    )
    rows = walked(mailup, f"/Message/{message}/List/{resource}", 60)
    found = {
        (row["IdRecipient"], row.get("Url", row.get("Type"))): row.get("Count", 1) for row in rows
    }
    assert found == expected
    assert len(expected) > 3
    assert mailup.get(f"/Message/{message}/Count/{resource}") == len(rows)


@pytest.mark.parametrize("order", ["IdRecipient", "IdRecipient desc", "Email", "Url;IdRecipient"])
def test_a_walk_gives_every_row_once_in_any_order(mailup: Caller, message: int, order: str) -> None:
    """Pages neither skip nor repeat, also where a page is asked for without the one before."""
    path = f"/Message/{message}/List/UrlClickDetails"
    whole = mailup.items(f"{path}?PageSize=5000&orderby={order}")
    assert walked(mailup, path, 33, order) == whole
    assert mailup.items(f"{path}?PageSize=10&PageNumber=7&orderby={order}") == whole[70:80]


def test_a_walk_sees_what_changes_before_it(mailup: Caller) -> None:
    """Pages change with the rows: a new row near the start moves the others on."""
    path = "/Console/List/2/Recipients/Subscribed?PageSize=10&orderby=idRecipient"
    before = mailup.items(f"{path}&PageNumber=0") + mailup.items(f"{path}&PageNumber=1")
    mailup.call("POST", "/Console/List/2/Subscribe/2").raise_for_status()
    after = mailup.items(f"{path}&PageNumber=1")
    mailup.call("DELETE", "/Console/List/2/Recipient/2").raise_for_status()
    assert after[0] == before[9]
    assert mailup.items(f"{path}&PageNumber=1") == before[10:]


def test_links_are_counted_over_all_recipients(mailup: Caller, message: int) -> None:
    """UrlClicks has a row per link, pseudo-links included."""
    rows = mailup.items(f"/Message/{message}/List/UrlClicks")
    expected = Counter(event["detail"] for event in logged(mailup, message, "CLK"))
    assert {row["Url"]: row["Count"] for row in rows} == expected
    assert "Read in web browser" in expected
    assert mailup.get(f"/Message/{message}/Count/UrlClicks") == len(expected)


def test_counts_can_be_filtered_and_sorted(mailup: Caller, message: int) -> None:
    """filterby and orderby work on the aggregated count."""
    rows = mailup.items(
        f"/Message/{message}/List/Views?filterby=Count>1&orderby=Count desc&PageSize=900"
    )
    counts = [row["Count"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert set(counts) & {1} == set()
    several = Counter(event["recipient_id"] for event in logged(mailup, message, "OPN"))
    assert len(rows) == sum(times > 1 for times in several.values())


def test_fields_and_dates_can_be_set(mailup: Caller, message: int) -> None:
    """Where the documentation is silent, settings say what rows carry; no Count, a row a click."""
    fields = ["Email", "IdRecipient", "Url"]
    mailup.control("settings", {"event_dates": True, "click_detail_fields": fields})
    path = f"/Message/{message}/List/UrlClickDetails"
    clicks = walked(mailup, path, 100)
    bounce = mailup.items(f"/Message/{message}/List/Bounces")[0]
    mailup.control(
        "settings", {"event_dates": False, "click_detail_fields": [*fields, "Count"],
                     "bounce_fields": ["IdRecipient", "Count"]},
    )  # fmt: skip
    assert Counter((row["IdRecipient"], row["Url"], row["Date"]) for row in clicks) == Counter(
        (event["recipient_id"], event["detail"], event["at"].replace("T", " "))
        for event in logged(mailup, message, "CLK")
    )
    assert set(bounce) == {"Email", "IdMessage", "IdRecipient", "Type", "Date"}
    assert set(mailup.items(f"/Message/{message}/List/Bounces")[0]) == {"IdRecipient", "Count"}
    mailup.control("settings", {"bounce_fields": ["Count", "Email", "IdMessage", "IdRecipient",
                                                  "Type"]})  # fmt: skip


def test_unknown_fields_are_refused(mailup: Caller) -> None:
    """A field that a resource does not know is an error, not an empty column."""
    url = f"{mailup.emulator.base_url}/_sandbox/settings"
    answer = requests.post(url, json={"view_fields": ["Email", "Mood"]}, timeout=5)
    assert (answer.status_code, "view_fields" in answer.text) == (400, True)


def test_one_recipient_over_all_messages(mailup: Caller, message: int) -> None:
    """Per recipient a row per message, with details per link."""
    who = Counter(event["recipient_id"] for event in logged(mailup, message, "CLK"))
    recipient, clicks = who.most_common(1)[0]
    row = mailup.items(f"/Recipient/{recipient}/List/Clicks")[0]
    assert (row["IdMessage"], row["IdList"], row["Count"]) == (message, 1, clicks)
    details = mailup.items(f"/Recipient/{recipient}/List/ClicksDetails")
    assert sum(detail["Count"] for detail in details) == clicks
    assert mailup.get(f"/Recipient/{recipient}/Count/ClicksDetails") == len(details)


def test_messages_carry_subject_and_tags(mailup: Caller, message: int) -> None:
    """The detail of a message names its tags."""
    detail = mailup.get(f"/Console/List/1/Email/{message}")
    assert [tag["Name"] for tag in detail["Tags"]] == ["promo", "settimanale"]
    assert detail["Subject"] == "Novità della settimana 10/06"


def test_retention_goes_by_the_last_sending(mailup: Caller, message: int) -> None:
    """Ten days after the sending, statistics are there for 11 days of retention, not for 9."""
    seen = []
    for days in (11, 9):
        mailup.control("settings", {"retention_days": days})
        seen.append(mailup.get(f"/Message/{message}/Count/Recipients") > 0)
    mailup.control("settings", {"retention_days": None})
    assert seen == [True, False]


def test_the_sms_report_has_the_last_state(mailup: Caller) -> None:
    """One row per receiver with the state registered last; the receipt's date only if set."""
    found = mailup.items("/Console/Sms/List/3/Messages?orderby=idMessage desc")[0]["idMessage"]
    path = f"/Console/Sms/{found}/Sendings/ReportDetails"
    last = {event["number"]: event for event in logged(mailup, found, "SMS")}
    report = {row["Receiver"]: row for row in mailup.items(path)}
    assert {number: (row["Status"], row["ErrorCode"]) for number, row in report.items()} == {
        number: (event["status"], event["detail"]) for number, event in last.items()
    }
    assert {row["Status"] for row in report.values()} == {0, 1, 2}
    mailup.control("settings", {"report_fields": ["Receiver", "Status", "ResponseDate"]})
    dated = mailup.items(path)
    mailup.control("settings", {"report_fields": ["ErrorCode", "Receiver", "SentDate", "Status"]})
    for row in dated:
        receipt = None if row["Status"] == 1 else last[row["Receiver"]]["at"].replace("T", " ")
        assert row["ResponseDate"] == receipt


def test_a_prepared_confirmation_waits_in_undefined(mailup: Caller) -> None:
    """It leaves the queue when it is sent, once; before that it may be deferred."""
    queues = "/Console/Email/Sendings"
    people = [{"Email": "confirm.me@example.it"}]
    done = mailup.import_all("/Console/List/1/Recipients?ConfirmEmail=true", people)
    prepared = mailup.get(f"/Console/Import/{done['IdImport']}/Sending")["idSending"]
    assert [one["Id"] for one in mailup.items(f"{queues}/Undefined")] == [prepared]
    date_given = {"Date": "2030-01-01 05:00:00"}
    mailup.call("POST", f"{queues}/{prepared}/Deferred", date_given).raise_for_status()
    assert mailup.items(f"{queues}/Deferred")[0]["Date"] == "2030-01-01 05:00:00Z"
    assert mailup.call("POST", f"{queues}/{prepared}/Immediate").status_code == 200
    assert mailup.call("POST", f"{queues}/{prepared}/Immediate").status_code == 400
    for queue in ("Undefined", "Deferred", "Immediate"):
        assert mailup.items(f"{queues}/{queue}") == []


def test_the_page_shows_messages_with_their_counts(mailup: Caller, message: int) -> None:
    """A newcomer sees what was sent and what came of it."""
    page = requests.get(mailup.emulator.base_url, timeout=20).text
    opens = len(logged(mailup, message, "OPN"))
    assert "Novità della settimana 10/06" in page
    assert f"{opens:,}" in page
