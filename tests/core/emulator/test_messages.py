"""Messages, aggregated statistics and the SMS report of the emulator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.mailup.caller import Caller
from sandbox.mailup.server import start


@pytest.fixture(scope="module")
def mailup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    home: Path = tmp_path_factory.mktemp("mailup")
    with start(home, import_seconds=0, calls_per_second=0) as emulator:
        yield Caller(emulator)


def test_messages_and_their_sendings(mailup: Caller) -> None:
    """/Emails has only the creation date; the sending's date is in SendHistory."""
    emails = mailup.items("/Console/List/1/Emails?filterby=\"Subject.Contains('primavera')\"")
    assert [(one["idMessage"], one["ServiceType"]) for one in emails] == [(11, 0)]
    sending = mailup.items("/Console/List/1/Email/11/SendHistory")[0]
    assert (sending["StartDate"], sending["Recipients"]) == ("2024-02-20 09:00:00Z", 175)
    online = mailup.items("/Console/List/1/Online/Emails")
    assert online[1]["LastSendDate"] == "0001-01-01 00:00:00Z"


def test_statistics_are_aggregated_and_paged(mailup: Caller) -> None:
    """List rows carry a Count and capitalised ids but no date; Count answers a bare number."""
    page = mailup.get("/Message/11/List/Views?PageSize=2")
    assert set(page["Items"][0]) == {"Count", "Email", "IdMessage", "IdRecipient"}
    assert mailup.get("/Message/11/Count/Views?filterby=Nonsense==1") == page["TotalElementsCount"]
    assert set(mailup.items("/Message/11/List/Recipients")[0]) == {
        "Email",
        "IdMessage",
        "IdRecipient",
    }
    assert mailup.get("/Message/11/Count/Bounces") == 15
    assert mailup.items("/Message/11/List/UrlClicks")[0]["Url"].startswith("https://")


def test_statistics_of_one_recipient(mailup: Caller) -> None:
    """Per recipient there is one row per message."""
    assert mailup.items("/Recipient/4/List/Deliveries") == [
        {"Count": 1, "IdList": 1, "IdMessage": 11, "Notes": "", "Subject": "Novità di primavera"}
    ]
    assert mailup.get("/Recipient/1/Count/Clicks") == 0


def test_statistics_vanish_with_retention(mailup: Caller) -> None:
    """Beyond the retention Count is 0 and List is empty, without an error."""
    mailup.control("settings", {"retention_days": 15})
    found = (mailup.get("/Message/11/Count/Views"), mailup.items("/Message/11/List/Views"))
    mailup.control("settings", {"retention_days": None})
    assert found == (0, [])


def test_the_sms_report_is_not_paged_unless_asked(mailup: Caller) -> None:
    """ReportDetails answers all items with PageSize and TotalElementsCount 0."""
    path = "/Console/Sms/13/Sendings/ReportDetails"
    report = mailup.get(path)
    assert (report["PageSize"], report["TotalElementsCount"], len(report["Items"])) == (0, 0, 66)
    assert report["Items"][0] == {
        "ErrorCode": "",
        "Receiver": "393471200003",
        "SentDate": "2024-03-05 10:30:00Z",
        "Status": 0,
    }
    failed = mailup.items(f"{path}?filterby=Status==2&orderby=Receiver")
    assert {one["ErrorCode"] for one in failed} == {"FAILED_AT_004"}
    assert len(mailup.items(f"{path}?pageSize=5")) == 5
