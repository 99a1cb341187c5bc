"""Calls as MailUp's public clients write them, replayed word by word against the emulator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.mailup.caller import Caller
from sandbox.mailup.server import Emulator, start

LIST = "/Console/List/1"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    home = tmp_path_factory.mktemp("clients")
    with start(home, calls_per_second=0, import_seconds=0) as emulator:
        yield emulator


@pytest.fixture
def mailup(running: Emulator) -> Caller:
    running.reset()
    return Caller(running)


@pytest.mark.parametrize(
    ("path", "key", "values"),
    [
        # The .NET SDK
        ("/Console/List?filterby=\"Name.Trim().Equals('Offerte')\"", "IdList", [2]),
        (
            f"{LIST}/Recipients/Subscribed?filterby=\"Email.Trim().Equals('subscribed.007@example.it')\"",
            "idRecipient",
            [7],
        ),
        (f'{LIST}/Groups?filterby="idGroup == 2"', "idGroup", [2]),
        # Three JavaScript clients: a single =
        (
            f"{LIST}/Recipients/EmailOptins?filterby=\"Email='unsubscribed.131@example.it'\"",
            "Status",
            ["OPTOUT"],
        ),
        # pymailup and open2-newsletter: conditions joined with &
        (f"{LIST}/Groups?filterby=Name=='Clienti'%26idList==1", "idGroup", [2]),
        # gravityforms-to-mailup: brackets around the whole
        ("/Console/List?filterby=[IdList==3]", "Name", ["SMS Clienti"]),
        # open2-newsletter: a sending history by Id
        (f"{LIST}/Email/11/SendHistory?orderby=Id+asc", "Recipients", [175]),
        # MailUp's samples: pageNum
        ("/Console/List?pageNum=1&pageSize=2", "IdList", [3]),
        # MailUp's SOAP-to-REST table: a path in other letter case
        ("/console/list/1/groups?pageSize=1", "idGroup", [1]),
        # mailupy and mailup-ruby: tags, web library, all e-mails
        (f"{LIST}/Emails?tags=estate,mare", "idMessage", []),
        (f"{LIST}/Archived/Emails", "idMessage", [11, 12]),
        ("/Console/User/Emails", "idList", [1, 1]),
        # MailUpPZ: a search across lists
        ('/Console/Recipients?email="subscribed.001@example.it"', "idRecipient", [1]),
    ],
)
def test_a_call_as_its_client_writes_it(
    mailup: Caller, path: str, key: str, values: list[Any]
) -> None:
    """Each spelling that a client in use sends is understood."""
    if path.startswith("/console"):
        url = mailup.emulator.console_url + path
        header = {"Authorization": f"Bearer {mailup.tokens['access_token']}"}
        items = requests.get(url, headers=header, timeout=10).json()["Items"]
    else:
        items = mailup.items(path)
    assert [item[key] for item in items] == values


@pytest.mark.parametrize(
    ("expression", "understood"),
    [
        ("IdList==2", True),
        ("Name.Contains('Off')", True),
        ("Name.Trim().Equals('Offerte')", False),
        ("Name='Offerte'", False),
        ("IdList==2%26IdList==2", False),
    ],
)
def test_a_strict_mailup_knows_the_documented_filters_only(
    mailup: Caller, expression: str, *, understood: bool
) -> None:
    """With filters=documented what no page of the documentation shows gets 400."""
    mailup.control("settings", {"filters": "documented"})
    answer = mailup.call("GET", f"/Console/List?filterby={expression}")
    assert answer.status_code == (200 if understood else 400)


def test_joining_a_group_joins_its_list(mailup: Caller) -> None:
    """Group/Subscribe subscribes to the list too; with confirmSubscription=false it does not."""
    mailup.call("POST", "/Console/Group/2/Subscribe/131?confirmSubscription=false")
    shown = mailup.people(1)["unsubscribed.131@example.it"]
    assert (shown["status"], shown["groups"]) == ("unsubscribed", [2])
    mailup.call("POST", "/Console/Group/2/Subscribe/131")
    assert mailup.people(1)["unsubscribed.131@example.it"]["status"] == "subscribed"


def test_sending_history_has_the_keys_of_production_code(mailup: Caller) -> None:
    """An item of SendHistory has an Id."""
    (item,) = mailup.items(f"{LIST}/Email/11/SendHistory")
    assert set(item) == {
        "EndDate", "Id", "Kb_transferred", "Recipients", "SenderEmail", "SenderName", "StartDate",
        "idMessage",
    }  # fmt: skip


def test_a_group_is_emptied_in_one_call(mailup: Caller) -> None:
    """DELETE of a group's recipients answers how many there were; they stay in the list."""
    answer = mailup.call("DELETE", f"{LIST}/Group/2/Recipients")
    assert answer.json() == {"Removed": 65}
    assert mailup.items("/Console/Group/2/Recipients") == []
    assert mailup.people(1)["subscribed.001@example.it"]["status"] == "subscribed"


def test_a_recipient_gets_another_address_and_number(mailup: Caller) -> None:
    """PUT Recipient/Detail changes both keys, and refuses those of somebody else."""
    new = {"idRecipient": 3, "Email": "new@example.it", "MobilePrefix": "+39",
           "MobileNumber": "333 1112223"}  # fmt: skip
    answer = mailup.call("PUT", "/Console/Recipient/Detail", new).json()
    assert (answer["Email"], answer["MobileNumber"]) == ("new@example.it", "3331112223")
    taken = {"idRecipient": 4, "Email": "new@example.it"}
    assert mailup.call("PUT", "/Console/Recipient/Detail", taken).status_code == 400
    taken = {"idRecipient": 4, "MobilePrefix": "+39", "MobileNumber": "3331112223"}
    assert mailup.call("PUT", "/Console/Recipient/Detail", taken).status_code == 400


def test_lists_are_made_changed_and_deleted(mailup: Caller) -> None:
    """The old call answers a bare id; a list is deleted only with its guid in if-match."""
    number = mailup.call("POST", "/Console/User/Lists", {"Name": "Neu"}).json()
    assert isinstance(number, int)
    mailup.call("PUT", f"/Console/User/List/{number}", {"IdList": number, "Description": "zwei"})
    shown = mailup.get(f"/Console/List/{number}")
    assert (shown["Name"], shown["Description"]) == ("Neu", "zwei")
    url = f"{mailup.emulator.console_url}/Console/List/{number}"
    header = {"Authorization": f"Bearer {mailup.tokens['access_token']}"}
    assert requests.delete(url, headers=header, timeout=10).status_code == 412
    header["if-match"] = shown["ListGuid"]
    assert requests.delete(url, headers=header, timeout=10).status_code == 200
    assert mailup.call("GET", f"/Console/List/{number}").status_code == 403


def test_messages_and_tags_are_made_changed_and_deleted(mailup: Caller) -> None:
    """As pymailup and the gem do: tags of a list, a message with tags, found by one of them."""
    tag = mailup.call("POST", f"{LIST}/Tag", "saldi").json()
    assert tag == {"Enabled": True, "Id": tag["Id"], "Name": "saldi"}
    assert (
        mailup.call("PUT", f"{LIST}/Tag/{tag['Id']}", {"Enabled": False}).json()["Name"] == "saldi"
    )
    assert mailup.items(f"{LIST}/Tags") == [tag | {"Enabled": False}]
    body = {"Subject": "Saldi", "Content": "<p/>", "Tags": [{"Id": 1, "Name": "saldi"}]}
    number = mailup.call("POST", f"{LIST}/Email", body).json()["idMessage"]
    assert [m["idMessage"] for m in mailup.items(f"{LIST}/Emails?tags=saldi")] == [number]
    mailup.call("PUT", f"{LIST}/Email/{number}", {"Subject": "Saldi!"})
    shown = mailup.get(f"{LIST}/Email/{number}")
    assert (shown["Subject"], [each["Name"] for each in shown["Tags"]]) == ("Saldi!", ["saldi"])
    assert mailup.call("DELETE", f"{LIST}/Email/{number}").status_code == 200
    assert mailup.call("DELETE", f"{LIST}/Tag/{tag['Id']}").status_code == 200
    assert mailup.items(f"{LIST}/Tags") == mailup.items(f"{LIST}/Emails?tags=saldi") == []


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        ({"Email": "subscribed.001@example.it", "idMessage": 12}, (1, 0, 0)),
        ({"Email": "unsubscribed.131@example.it", "idMessage": "12"}, (0, 0, 1)),
        ({"Email": "no address", "idMessage": 12}, (0, 1, 0)),
    ],
)
def test_one_mail_is_sent_to_one_subscriber(
    mailup: Caller, body: dict[str, Any], counted: tuple[int, int, int]
) -> None:
    """Sent, invalid and unprocessed recipients are distinguished; what is sent is counted."""
    reported = mailup.call("POST", "/Console/Email/Send", body).json()
    shown = (
        reported["Sent"],
        len(reported["InvalidRecipients"]),
        len(reported["UnprocessedRecipients"]),
    )
    assert (shown, reported["idMessage"]) == (counted, 12)
    assert mailup.get("/Message/12/Count/Recipients") == counted[0]


def test_a_list_and_a_group_are_sent_to(mailup: Caller) -> None:
    """Everybody who is subscribed gets the message, of a group those who are."""
    assert mailup.call("POST", f"{LIST}/Email/12/Send").json()["Sent"] == 130
    assert mailup.call("POST", "/Console/Group/2/Email/12/Send").json()["Sent"] == 65
    assert [one["Recipients"] for one in mailup.items(f"{LIST}/Email/12/SendHistory")] == [130, 65]
    assert mailup.call("POST", "/Console/Sms/List/3/Message/13/Send").json()["Sent"] == 66
    assert mailup.call("POST", "/Console/Sms/List/3/Message/12/Send").status_code == 404


def test_a_sending_for_later_waits_for_a_decision(mailup: Caller) -> None:
    """With datetime it is Deferred; sent at once, it goes to the same recipients."""
    later = '"2030-10-20 05:00:00Z"'
    found = mailup.call("POST", f"/Console/Group/2/Email/12/Send?datetime={later}").json()
    (queued,) = mailup.items("/Console/Email/Sendings/Deferred")
    assert (found["Sent"], queued["Date"]) == (0, "2030-10-20 05:00:00Z")
    earliest = mailup.call("GET", f"/Console/Email/Sending/{found['Id']}/Deferred").json()
    assert earliest.endswith("Z")
    mailup.call("POST", f"/Console/Email/Sendings/{found['Id']}/Immediate")
    assert mailup.get("/Message/12/Count/Recipients") == 65
    assert mailup.call("DELETE", f"/Console/Email/Sendings/{found['Id']}").status_code == 400


def test_a_report_of_an_sms(mailup: Caller) -> None:
    """The summary has the three keys that production code reads, also before any sending."""
    found = mailup.get("/Console/Sms/13/Sendings/Report")
    assert (found["IsCompleted"], found["TotalSmsSent"]) == (True, 66)
    assert found["EndDate"] == "2024-03-05 10:31:00Z"
    new = mailup.call("POST", "/Console/Sms/List/3/Message", {"Subject": "Neu"}).json()["idMessage"]
    found = mailup.get(f"/Console/Sms/{new}/Sendings/Report")
    assert (found["IsCompleted"], found["TotalSmsSent"]) == (False, 0)


def test_a_home_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    """Tables that are new are made in a store that was there before."""
    with start(tmp_path) as emulator:
        emulator._store.write("DROP TABLE tag")
    with start(tmp_path) as emulator:
        assert Caller(emulator).items(f"{LIST}/Tags") == []
