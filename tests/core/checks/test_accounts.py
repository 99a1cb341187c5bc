"""What a check of a MailUp account finds: on the emulator, and on answers written by hand."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from blocks.mailup.client import MailUpClient
from sandbox.mailup.server import Emulator, start
from tasks.checks.accounts import check_account
from tasks.checks.asking import codes, listed_names
from tasks.checks.findings import Finding, Subject, findings_table, to_fix
from tasks.checks.needs import AccountNeeds, WantedGroup
from tasks.checks.unknowns import settle
from tests.core.emulated import settings_of
from tests.core.mailup_by_hand import ByHand, by_hand, paged, plain

pytestmark = pytest.mark.core

SUBJECT = Subject("mailup-account/acme")
NEEDS = AccountNeeds("acme", (1, 2), ("nome", "12", "Data di Nascita"), ())
NOW = datetime(2026, 3, 1, tzinfo=UTC)
MOST_CALLS = 40

Connect = Callable[..., MailUpClient]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The emulator without a rate limit."""
    with start(tmp_path_factory.mktemp("mailup"), calls_per_second=0) as running:
        yield running


@pytest.fixture
def connect(emulator: Emulator) -> Iterator[Connect]:
    """A client that waits for nothing; the emulator is as before afterwards."""

    def client(**changes: Any) -> MailUpClient:
        settings = settings_of(emulator, **{"retry_seconds": 0.0} | changes)
        return MailUpClient(settings, pace=lambda: None)

    yield client
    requests.delete(f"{emulator.base_url}/_sandbox/faults", timeout=10).raise_for_status()


def order(emulator: Emulator, what: str, body: dict[str, Any]) -> None:
    """Give the emulator a fault or other settings."""
    requests.post(f"{emulator.base_url}/_sandbox/{what}", json=body, timeout=10).raise_for_status()


def checked(client: MailUpClient, needs: AccountNeeds = NEEDS) -> list[Finding]:
    with client:
        findings = list(check_account(SUBJECT, client, needs, NOW))
    assert all(finding.remedy for finding in to_fix(findings))
    return findings


def settled(client: MailUpClient, calls: int = MOST_CALLS, page_size: int = 500) -> dict[str, str]:
    """The answer to each open question."""
    with client:
        findings = list(settle(SUBJECT, client, (1, 2), page_size, calls))
        assert client.calls <= calls
    return {finding.check: finding.text for finding in findings}


def the_one(findings: list[Finding]) -> Finding:
    """The only finding to fix."""
    (found,) = to_fix(findings)
    return found


def test_all_is_well(connect: Connect) -> None:
    """Log-in, account, clock, lists and fields are each reported, by names and ids."""
    findings = checked(connect())
    assert {finding.verdict for finding in findings} == {"ok"}
    found = {finding.check: finding.text for finding in findings}
    assert found["lists"] == "visible: 1 Newsletter Italia, 2 Offerte"
    assert found["fields"] == "existing: 1 nome, 12 IDCliente, 27 data di nascita"
    assert "agree" in found["clock"]


@pytest.mark.parametrize(
    ("changes", "expected", "remedy"),
    [
        ({"password": "wrong"}, "password is refused", "Correct client id"),
        ({"client_secret": "wrong"}, "refused", "client secret"),
        ({"token_url": "http://127.0.0.1:1/"}, "no usable answer", "proxy, firewall"),
    ],
    ids=["wrong password", "wrong secret", "not reached"],
)
def test_a_log_in_that_fails_is_one_finding(
    connect: Connect, changes: dict[str, str], expected: str, remedy: str
) -> None:
    """No further calls are made, the refused password is not repeated, no secret is shown."""
    client = connect(**changes)
    found = the_one(checked(client))
    assert found.check == "log-in"
    assert expected in found.text
    assert remedy in found.remedy
    assert client.calls == 1
    assert "wrong" not in found.text


def test_a_contract_that_is_not_signed_is_reported(connect: Connect, emulator: Emulator) -> None:
    """Somebody has to log in once and accept; the finding says so."""
    order(emulator, "faults", {"kind": "403_contract", "times": 0})
    found = the_one(checked(connect()))
    assert "terms of service" in found.text
    assert "accept the terms" in found.remedy


def test_a_list_that_the_user_does_not_see(connect: Connect, emulator: Emulator) -> None:
    """A missing permission looks like a missing list: the finding names both remedies."""
    order(emulator, "faults", {"kind": "list_hidden", "list": 2, "times": 0})
    found = the_one(checked(connect()))
    assert found.text == "the user does not see list 2"
    assert "permission" in found.remedy
    assert "1 Newsletter Italia" in found.remedy


@pytest.mark.parametrize(
    ("wanted", "remedy"),
    [
        ("Cita", "Did you mean 4 (città)"),
        ("datadinascita", "27 (data di nascita)"),
        ("data iscrizione", "Accepted are"),
        ("99", "Accepted are: 1 nome, 2 cognome"),
    ],
)
def test_a_field_that_does_not_exist(connect: Connect, wanted: str, remedy: str) -> None:
    """The finding names similar fields with their ids, or else all fields."""
    needs = AccountNeeds("acme", (1,), ("nome", wanted), ())
    found = the_one(checked(connect(), needs))
    assert found.check == "fields"
    assert repr(wanted) in found.text
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("text", "create", "verdict", "expected"),
    [
        ("CLIENTI", False, "ok", "list 1 has group 2 Clienti"),
        ("3", False, "ok", "list 1 has group 3 Prospect"),
        ("Nuovi", True, "ok", "will be created by the first file"),
        ("Cliente", False, "fix", "no group 'Cliente'"),
        ("77", True, "fix", "no group '77'"),
    ],
)
def test_groups_by_name_or_id(
    connect: Connect, text: str, create: bool, verdict: str, expected: str
) -> None:
    """As the import finds them: by name in any case or by id, made only where that is agreed."""
    needs = AccountNeeds("acme", (1,), (), (WantedGroup(1, text, create),))
    found = next(each for each in checked(connect(), needs) if each.check == "groups")
    assert found.verdict == verdict
    assert expected in found.text


@pytest.mark.parametrize(
    ("info", "verdict", "expected"),
    [
        ({"ExpiryDate": "2026-03-05 00:00:00.000"}, "fix", "4 days from now"),
        ({"ExpiryDate": "2026-03-20 00:00:00.000"}, "note", "19 days from now"),
        ({"ExpiryDate": "2027-03-01 00:00:00.000"}, "ok", "365 days from now"),
        ({"ExpiryDate": "2027-03-01 00:00:00.000", "IsTrial": True}, "note", "trial"),
        ({"ExpiryDate": "0001-01-01 00:00:00.000"}, "note", "no expiry date"),
    ],
)
def test_the_end_of_an_account_is_reported_before_it_comes(
    info: dict[str, Any], verdict: str, expected: str
) -> None:
    """An account that runs out stops every client on it."""
    with by_hand() as mailup:
        mailup.resources["/console/Console/Authentication/Info"] = plain(info)
        findings = checked(mailup.client(), AccountNeeds("acme", (), (), ()))
    found = next(each for each in findings if each.check == "account")
    assert found.verdict == verdict
    assert expected in found.text


def test_a_resource_that_fails_hides_no_other(connect: Connect, emulator: Emulator) -> None:
    """Fields are looked at although MailUp does not return the lists."""
    order(emulator, "faults", {"kind": "500", "path": r"/Console/List\?", "times": 0})
    findings = checked(connect())
    assert the_one(findings).check == "lists"
    assert any(each.check == "fields" and each.verdict == "ok" for each in findings)


@pytest.mark.parametrize(("dates", "expected"), [("documented", False), ("zoneless", True)])
def test_dates_without_a_zone_are_reported(
    emulator: Emulator, connect: Connect, dates: str, expected: bool
) -> None:
    """Before an export stops over them; local time in the documented form is known."""
    order(emulator, "settings", {"dates": dates})
    try:
        assert ("API: dates without zone" in settled(connect())) is expected
    finally:
        order(emulator, "settings", {"dates": "documented"})


def test_unknowns_are_settled_as_far_as_reading_can(connect: Connect) -> None:
    """Spellings, codes, orders, filters, fields and dates, in fewer than 40 calls."""
    reported = settled(connect())
    assert reported["API: life of a token"] == "settled: 3600 s"
    assert "Status OPTIN, OPTOUT, PENDING; Optout_Type 16, 2, 8" in reported["API: subscriptions"]
    assert reported["API: orderby"] == "settled: supported, ascending and descending"
    assert reported["API: filterby, one condition"] == "settled: supported"
    assert reported["API: filterby, or"] == "settled: supported"
    assert reported["API: filterby, a date"] == "settled: refused (400)"
    assert reported["API: largest page"].endswith("the list has fewer than 500")
    assert "Subscriptions: Channel, IdList, Status" in reported["API: one recipient"]
    assert "sendings have an id" in reported["API: sendings"]
    assert "no date, no count; fields Email" in reported["API: Bounces"]
    assert "no import yet" in reported["API: imports"]
    assert "no SMS message yet" in reported["API: SMS"]
    assert "only a writing call would show" in reported["API: the rest"]


def test_dates_in_statistics_are_found_out(connect: Connect, emulator: Emulator) -> None:
    """An account whose bounces carry a date is distinguished from one whose do not."""
    order(emulator, "settings", {"event_dates": True})
    reported = settled(connect())
    order(emulator, "settings", {"event_dates": False})
    assert "dates in Date" in reported["API: Bounces"]
    assert "no date" in reported["API: Views"]


def test_a_smaller_largest_page_is_found_out(connect: Connect, emulator: Emulator) -> None:
    """MailUp may lower the page size without saying so."""
    order(emulator, "settings", {"page_size_cap": 50})
    reported = settled(connect())
    order(emulator, "settings", {"page_size_cap": None})
    assert reported["API: largest page"] == "settled: 50, although 500 were requested"
    assert settled(connect(), page_size=100)["API: largest page"] == "settled: 100 or more"


def test_a_page_that_takes_too_long_is_to_be_made_smaller() -> None:
    """A time-out at the configured size is a wrong setting."""
    with by_hand() as mailup:
        optins = "/console/Console/List/1/Recipients/EmailOptins"
        mailup.resources[optins] = paged([], slow_above=100)
        with mailup.client(read_seconds=0.3) as client:
            findings = list(settle(SUBJECT, client, (1,), 500, MOST_CALLS))
    assert the_one(findings).remedy == "Reduce page_size on the account block."


def test_an_empty_account_has_nothing_to_tell() -> None:
    """What cannot be determined is reported, each with its reason, and nothing fails."""
    with by_hand() as mailup:
        reported = settled(answering_nothing(mailup))
    unsettled = {check for check, text in reported.items() if "cannot be determined" in text}
    assert unsettled == set(reported) - {"page size", "API: life of a token"}
    assert "MailUp answers 404" in reported["API: imports"]


def answering_nothing(mailup: ByHand) -> MailUpClient:
    mailup.resources["/console/Console/List/1/Recipients/EmailOptins"] = paged([])
    mailup.resources["/console/Console/List/1/Emails"] = paged([])
    return mailup.client()


def test_a_server_that_ignores_order_and_filter_is_found_out() -> None:
    """An account that ignores sorting is a note: walks depend on the order."""
    people = [{"idRecipient": number, "Status": "STRANGE"} for number in (9, 5, 3)]
    with by_hand() as mailup:
        mailup.resources["/console/Console/List/1/Recipients/EmailOptins"] = paged(people)
        with mailup.client() as client:
            findings = list(settle(SUBJECT, client, (1,), 500, MOST_CALLS))
    found = {(finding.check, finding.text) for finding in findings}
    assert ("API: orderby", "settled: ignored") in found
    assert ("API: filterby, one condition", "settled: ignored") in found
    assert any("STRANGE is unknown" in text for _, text in found)


def test_only_codes_are_shown() -> None:
    """The value of a field is shown only where it looks like a code; anything else is counted."""
    assert codes(["OPTIN", 3, "anna@example.it", "OPTIN"]) == "3, OPTIN, 1 of another form"
    assert codes([]) == "none seen"


@pytest.mark.parametrize(("ahead", "verdict"), [(0, "ok"), (300, "fix"), (-300, "fix")])
def test_a_clock_that_is_wrong_is_reported(ahead: int, verdict: str) -> None:
    """Windows of exports go by our clock: MailUp's shows when it is wrong."""
    with by_hand() as mailup:
        mailup.ahead_seconds = ahead
        mailup.resources["/console/Console/Authentication/Info"] = plain({})
        findings = checked(mailup.client(), AccountNeeds("acme", (), (), ()))
    found = next(each for each in findings if each.check == "clock")
    assert found.verdict == verdict
    assert ("ahead of" if ahead > 0 else "behind" if ahead else "agree") in found.text


def test_the_number_of_calls_is_kept(connect: Connect) -> None:
    """When the calls are used up, the remaining questions are reported as not asked."""
    reported = settled(connect(), calls=6)
    assert "used up" in reported["API: messages"]
    assert "used up" in reported["API: SMS"]


def test_nobody_is_named(connect: Connect) -> None:
    """Neither findings nor the artifact hold an address, a number or a name of a person."""
    with connect() as client:
        findings = [
            *check_account(SUBJECT, client, NEEDS, NOW),
            *settle(SUBJECT, client, (1, 2), 500, MOST_CALLS),
        ]
        people = client.session.get("/Console/List/1/Recipients/Subscribed", {"PageSize": "200"})
    shown = findings_table(findings, 30)
    for person in people["Items"]:
        assert person["Email"] not in shown
        assert not person["MobileNumber"] or person["MobileNumber"] not in shown
    assert "@" not in shown


def test_how_the_list_of_imports_tells_rows_is_found_out() -> None:
    """A summary with a number differs from full detail, and one import is looked at, too."""
    summary = {"IdImport": 7, "IdList": 1, "Rows": 10, "Filename": "", "StatusCode": 3}
    with by_hand() as mailup:
        mailup.resources["/console/Console/Imports"] = paged([summary])
        mailup.resources["/console/Console/Imports/7"] = plain(summary | {"Rows": {"Total": 10}})
        reported = settled(answering_nothing(mailup))
    assert "StatusCode 3; Rows is a number; Filename empty" in reported["API: imports"]
    assert reported["API: one import"].startswith("settled: Rows is an object; fields Filename")


def test_a_key_that_is_no_name_is_not_shown() -> None:
    """Where MailUp's answer has a value as a key, it is counted and not shown."""
    assert (
        listed_names(["Status", "anna@example.it", "Email"]) == "Email, Status, 1 of another form"
    )
