"""What the emulator's imports do to data, groups and counters."""

import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.mailup.caller import Caller
from sandbox.mailup.server import start
from sandbox.mailup.worker import NOT_STARTED, RUNNING
from tests.waiting import until

LIST = "/Console/List/1/Recipients"
ANNA = {"Email": "anna@example.it", "Fields": [{"Id": 1, "Value": "Anna"}]}


@pytest.fixture
def mailup(new_account: Caller) -> Caller:
    return new_account


def test_an_import_takes_time_and_answers_a_bare_id(mailup: Caller) -> None:
    """The POST answers an integer at once; Completed follows later, with the seven counters."""
    mailup.control("settings", {"import_seconds": 30})
    answer = mailup.call("POST", LIST, [ANNA])
    assert answer.text == "1"
    assert mailup.get("/Console/Import/1") == {
        "idImport": 1,
        "Completed": False,
        "CreatedRecipients": 0,
        "ImportedRecipients": 0,
        "NotValidRecipients": 0,
        "UpdatedRecipients": 0,
        "ValidRecipients": 0,
    }
    mailup.control("settings", {"import_seconds": 0})
    mailup.finished(1)
    assert mailup.get("/Console/Import/1")["CreatedRecipients"] == 1


def test_counters_of_a_mixed_body(mailup: Caller) -> None:
    """Invalid rows are only counted, duplicates merged and counted, the rest new or updated."""
    body: list[Any] = [
        ANNA,
        {"Email": "ANNA@example.it", "Fields": [{"Id": 2, "Value": "Rossi"}]},
        {"Email": "not an address"},
        {"Email": ""},
        {},
        {"Email": "subscribed.001@example.it"},
    ]
    detail = mailup.import_all(LIST, body)
    assert detail["Rows"] == {
        "Invalid": {
            "InvalidEmail": 1,
            "InvalidNumber": 0,
            "Total": 3,
            "WithoutEmail": 2,
            "WithoutNumber": 0,
            "WithoutPrefix": 0,
        },
        "Total": 6,
        "Valid": {
            "EmailNew": 1,
            "EmailUpdate": 1,
            "NumberNew": 0,
            "NumberUpdate": 0,
            "RepeatedEmail": 1,
            "RepeatedNumber": 0,
            "Total": 3,
        },
    }
    seven = mailup.get(f"/Console/Import/{detail['IdImport']}")
    counted = {key: seven[key] for key in seven if key.endswith("Recipients")}
    assert counted == {
        "CreatedRecipients": 1,
        "ImportedRecipients": 2,
        "NotValidRecipients": 3,
        "UpdatedRecipients": 1,
        "ValidRecipients": 3,
    }
    assert mailup.people(1)["ANNA@example.it"]["fields"] == {"1": "Anna", "2": "Rossi"}


def test_details_of_an_import(mailup: Caller) -> None:
    """The detail has list, groups, flags, dates in UTC and the status code."""
    detail = mailup.import_all("/Console/Group/2/Recipients?removeFromPrevGroups=true", [ANNA])
    shown = {key: detail[key] for key in ("IdGroups", "IdList", "StatusCode")}
    assert shown == {"IdGroups": [2], "IdList": 1, "StatusCode": 3}
    assert (detail["ReplaceExistingGroup"], detail["ImportAsUnsubscribed"]) == (True, False)
    assert detail["EndDate"].endswith("Z")
    summary = {"Filename": "", "IdImport": 1, "IdList": 1, "Rows": 1, "StatusCode": 3,
               "StartDate": detail["StartDate"]}  # fmt: skip
    assert mailup.items("/Console/Imports") == [summary]
    mailup.control("settings", {"import_list": "detail"})
    assert mailup.items("/Console/Imports") == [detail]


@pytest.mark.parametrize(("at_once", "total"), [(True, 1), (False, 0)])
def test_the_number_of_rows_may_be_known_from_the_start(
    mailup: Caller, *, at_once: bool, total: int
) -> None:
    """A running import shows Rows.Total, unless total_at_once is off; nothing else is counted."""
    mailup.control("settings", {"import_seconds": 30, "total_at_once": at_once})
    number = mailup.call("POST", LIST, [ANNA]).json()
    rows = mailup.get(f"/Console/Imports/{number}")["Rows"]
    assert (rows["Total"], rows["Valid"]["Total"]) == (total, 0)
    mailup.control("settings", {"import_seconds": 0})
    assert mailup.finished(number)["Rows"]["Total"] == 1


def test_empty_and_missing_fields_are_left_alone(mailup: Caller) -> None:
    """By default an empty or missing value overwrites nothing."""
    mailup.import_all(LIST, [ANNA])
    mailup.import_all(LIST, [{"Email": "anna@example.it", "Fields": [{"Id": 1, "Value": ""}]}])
    assert mailup.people(1)["anna@example.it"]["fields"] == {"1": "Anna"}


def test_empty_and_missing_fields_can_be_cleared(mailup: Caller) -> None:
    """clearMissingOrEmptyFields empties what the body does not carry."""
    mailup.import_all(LIST, [ANNA])
    new = {"Email": "anna@example.it", "Fields": [{"Id": 4, "Value": "Forlì"}]}
    mailup.import_all(f"{LIST}?clearMissingOrEmptyFields=true", [new])
    assert mailup.people(1)["anna@example.it"]["fields"] == {"4": "Forlì"}


def test_long_values_are_cut(mailup: Caller) -> None:
    """A value over 200 characters keeps its first 200."""
    mailup.import_all(LIST, [{"Email": "a@example.it", "Fields": [{"Id": 1, "Value": "x" * 300}]}])
    assert mailup.people(1)["a@example.it"]["fields"] == {"1": "x" * 200}


def test_malformed_fields_are_left_out(mailup: Caller) -> None:
    """Ids outside 1..39 and entries without id or value are no error."""
    fields = [{"Id": 40, "Value": "x"}, {"Value": "x"}, {"Id": 2}, "x", {"Id": 3, "Value": 7}]
    mailup.import_all(LIST, [{"Email": "a@example.it", "Fields": fields}])
    assert mailup.people(1)["a@example.it"]["fields"] == {"3": "7"}


def test_importing_adds_groups_or_replaces_them(mailup: Caller) -> None:
    """A group import adds to earlier groups; removeFromPrevGroups leaves only the new one."""
    person = [{"Email": "subscribed.001@example.it"}]
    mailup.import_all("/Console/Group/3/Recipients", person)
    assert mailup.people(1)["subscribed.001@example.it"]["groups"] == [2, 3]
    mailup.import_all("/Console/Group/3/Recipients?removeFromPrevGroups=true", person)
    assert mailup.people(1)["subscribed.001@example.it"]["groups"] == [3]


def test_a_number_comes_along_unless_ignored(mailup: Caller) -> None:
    """An e-mail import stores the number and subscribes its SMS channel; ignoreMobile does not."""
    person = {"Email": "a@example.it", "MobilePrefix": "", "MobileNumber": "333 1112223"}
    mailup.import_all(f"{LIST}?ignoreMobile=true", [person])
    assert mailup.people(1)["a@example.it"]["number"] is None
    mailup.import_all(LIST, [person])
    shown = mailup.people(1)["a@example.it"]
    assert (shown["prefix"], shown["number"]) == ("0039", "3331112223")
    assert mailup.people(1, "sms")["3331112223"]["status"] == "subscribed"


def test_no_two_recipients_share_a_number(mailup: Caller) -> None:
    """A number stays with its owner: the other recipient is kept without it, and counted."""
    owner = {"Email": "a@example.it", "MobilePrefix": "+39", "MobileNumber": "3331112223"}
    other = {"Email": "b@example.it", "MobilePrefix": "0039", "MobileNumber": "3331112223"}
    mailup.import_all(LIST, [owner])
    detail = mailup.import_all(LIST, [other])
    assert detail["Rows"]["Invalid"]["InvalidNumber"] == 1
    assert detail["Rows"]["Valid"]["EmailNew"] == 1
    assert mailup.people(1)["b@example.it"]["number"] is None


def test_sms_imports_go_by_number(mailup: Caller) -> None:
    """The SMS twin matches by number, takes the list's prefix, and counts numbers."""
    body = [
        {"Name": "", "MobilePrefix": "", "MobileNumber": "3471200003"},
        {"Name": "", "MobilePrefix": "0039", "MobileNumber": "3339998887", "Email": "n@example.it"},
        {"Name": "", "MobilePrefix": "39", "MobileNumber": "3339998887"},
        {"Name": "", "MobilePrefix": "0039", "MobileNumber": "12"},
        {"Name": "", "MobilePrefix": "0039", "MobileNumber": ""},
    ]
    detail = mailup.import_all("/Console/Sms/List/3/Recipients", body)
    valid, invalid = detail["Rows"]["Valid"], detail["Rows"]["Invalid"]
    assert (valid["NumberNew"], valid["NumberUpdate"], valid["RepeatedNumber"]) == (1, 1, 1)
    assert (invalid["InvalidNumber"], invalid["WithoutNumber"], invalid["Total"]) == (1, 1, 2)
    assert mailup.people(3, "sms")["3339998887"]["email"] == "n@example.it"


@pytest.mark.parametrize("body", [{"Email": "a@example.it"}, "text", None])
def test_a_body_that_is_no_array_is_refused(mailup: Caller, body: Any) -> None:
    """Anything but a JSON array gets 400, and no import begins."""
    assert mailup.call("POST", LIST, body).status_code == 400
    assert mailup.items("/Console/Imports") == []


def test_a_second_import_waits_its_turn(mailup: Caller) -> None:
    """By default imports run one after another, in the order of their ids."""
    mailup.control("settings", {"import_seconds": 30})
    first = mailup.call("POST", LIST, [ANNA]).json()
    second = mailup.call("POST", "/Console/List/2/Recipients", [ANNA]).json()
    until(lambda: mailup.control("imports")[0]["status"] == RUNNING, "the first one's begin")
    assert mailup.control("imports")[1]["status"] == NOT_STARTED
    mailup.control("settings", {"import_seconds": 0})
    assert mailup.finished(first)["StatusCode"] == mailup.finished(second)["StatusCode"]


def test_a_second_import_can_be_refused(mailup: Caller) -> None:
    """Where concurrent imports are refused a second import gets 400 while the first is at work."""
    mailup.control("settings", {"import_seconds": 30, "concurrent_imports": "refused"})
    first = mailup.call("POST", LIST, [ANNA]).json()
    assert mailup.call("POST", LIST, [ANNA]).status_code == 400
    mailup.control("settings", {"import_seconds": 0})
    mailup.finished(first)
    assert mailup.call("POST", LIST, [ANNA]).status_code == 200


def test_state_survives_a_restart(tmp_path: Path) -> None:
    """Recipients, tokens and unfinished imports are there after a restart on the same home."""
    with start(tmp_path, import_seconds=30) as emulator:
        caller = Caller(emulator)
        waiting = caller.call("POST", LIST, [ANNA]).json()
        time.sleep(0.05)
        assert caller.get(f"/Console/Import/{waiting}")["Completed"] is False
    with start(tmp_path, import_seconds=0, calls_per_second=0) as emulator:
        caller.emulator = emulator
        assert caller.finished(waiting)["Rows"]["Valid"]["EmailNew"] == 1
        assert len(caller.people(1)) == 201
