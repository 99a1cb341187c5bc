"""The emulator's rate limit and its faults on demand."""

import time

import pytest
import requests

from sandbox.mailup.caller import Caller

LISTS = "/Console/List"
IMPORT = "/Console/List/1/Recipients"


@pytest.fixture
def mailup(new_account: Caller) -> Caller:
    return new_account


def test_the_sixth_call_in_a_second_is_refused(mailup: Caller) -> None:
    """Five calls pass, the sixth gets the exact 429 body; a second later calls pass again."""
    mailup.control("settings", {"calls_per_second": 5})
    answers = [mailup.call("GET", LISTS) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].json() == {
        "ErrorCode": "429",
        "ErrorDescription": "Authorization error (too_many_requests): Too many requests. "
        "Max:5 calls per second , actual:6.",
        "ErrorName": None,
        "ErrorStack": None,
    }
    assert "Retry-After" not in answers[-1].headers
    time.sleep(1.05)
    assert mailup.call("GET", LISTS).status_code == 200


def test_resources_can_be_counted_apart(mailup: Caller) -> None:
    """Counted by resource, each resource has a limit of its own."""
    mailup.control("settings", {"calls_per_second": 1, "rate_limit": "resource"})
    paths = (LISTS, "/Console/User/Lists", LISTS)
    assert [mailup.call("GET", path).status_code for path in paths] == [200, 200, 429]


@pytest.mark.parametrize(
    ("kind", "status", "start_of_body"),
    [
        ("500", 500, '{"ErrorCode":"500"'),
        ("503", 503, '{"ErrorCode":"503"'),
        ("429", 429, '{"ErrorCode":"429"'),
        ("403_contract", 403, '{"ErrorCode":"403"'),
        ("html", 502, "<html>"),
        ("empty", 200, ""),
        ("expire_token", 401, '{"ErrorCode":"401"'),
    ],
)
def test_a_fault_hits_as_often_as_ordered(
    mailup: Caller, kind: str, status: int, start_of_body: str
) -> None:
    """An ordered fault hits matching calls only, that many times, and then is gone."""
    mailup.control("faults", {"kind": kind, "path": "/Console/List$", "times": 1})
    assert mailup.call("GET", "/Console/User/Lists").status_code == 200
    answer = mailup.call("GET", LISTS)
    assert answer.status_code == status
    assert answer.text.startswith(start_of_body)
    assert mailup.control("faults") == []


def test_a_fault_may_let_calls_pass_first(mailup: Caller) -> None:
    """`skip` lets matching calls through before the fault begins."""
    mailup.control("faults", {"kind": "500", "path": "List", "skip": 1, "times": 2})
    found = [mailup.call("GET", LISTS).status_code for _ in range(4)]
    assert found == [200, 500, 500, 200]


def test_a_dropped_connection_after_an_accepted_post_has_worked(mailup: Caller) -> None:
    """drop_after_accept starts the import and closes the connection without an answer."""
    mailup.control("faults", {"kind": "drop_after_accept", "method": "POST", "path": "Recipients"})
    with pytest.raises(requests.ConnectionError):
        mailup.call("POST", IMPORT, [{"Email": "anna@example.it"}])
    detail = mailup.finished(mailup.items("/Console/Imports")[-1]["IdImport"])
    assert detail["Rows"]["Valid"]["EmailNew"] == 1


def test_a_dropped_connection_before_accepting_has_not_worked(mailup: Caller) -> None:
    """drop closes the connection and nothing is imported."""
    mailup.control("faults", {"kind": "drop", "method": "POST", "path": "Recipients"})
    with pytest.raises(requests.ConnectionError):
        mailup.call("POST", IMPORT, [{"Email": "anna@example.it"}])
    assert mailup.items("/Console/Imports") == []


def test_an_answer_can_be_cut(mailup: Caller) -> None:
    """cut sends half of the body and closes the connection."""
    mailup.control("faults", {"kind": "cut"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        mailup.call("GET", LISTS)


def test_an_answer_can_be_slow(mailup: Caller) -> None:
    """slow waits the ordered seconds and then answers as usual."""
    mailup.control("faults", {"kind": "slow", "seconds": 0.3})
    begun = time.monotonic()
    assert mailup.call("GET", LISTS).status_code == 200
    assert time.monotonic() - begun >= 0.3


def test_a_hidden_list_is_missing_and_out_of_scope(mailup: Caller) -> None:
    """A hidden list is left out of /List without an error; its resources answer 403."""
    mailup.control("faults", {"kind": "list_hidden", "list": 2})
    assert [one["IdList"] for one in mailup.items(LISTS)] == [1, 3]
    assert mailup.call("GET", "/Console/List/2/Groups").status_code == 403


def test_an_unknown_fault_is_refused_by_name(mailup: Caller) -> None:
    """An order of an unknown kind gets 400 with the known ones."""
    url = f"{mailup.emulator.base_url}/_sandbox/faults"
    answer = requests.post(url, json={"kind": "earthquake"}, timeout=10)
    assert answer.status_code == 400
    assert "drop_after_accept" in answer.json()["ErrorDescription"]


def test_the_log_names_every_call(mailup: Caller) -> None:
    """The log has method, path, query, status, rows of an import, and the fault that hit."""
    mailup.control("faults", {"kind": "503", "path": "User"})
    mailup.call("GET", "/Console/User/Lists?PageSize=1")
    mailup.finished(mailup.call("POST", IMPORT, [{"Email": "a@example.it"}] * 3).json())
    calls = mailup.control("log")
    lists = next(call for call in calls if call["path"].endswith("/User/Lists"))
    post = next(call for call in calls if call["rows"])
    assert (lists["method"], lists["query"], lists["status"]) == ("GET", "PageSize=1", 503)
    assert lists["fault"] == "503"
    assert (post["method"], post["rows"], post["status"]) == ("POST", 3, 200)


def test_a_small_answer_does_not_wait_for_an_acknowledgement(mailup: Caller) -> None:
    """Half of many small answers over one connection come without the 40 ms of a wait."""
    taken = []
    token = {"Authorization": f"Bearer {mailup.tokens['access_token']}"}
    with requests.Session() as session:
        for _ in range(20):
            answer = session.get(mailup.emulator.console_url + LISTS, headers=token, stream=True)
            began = time.monotonic()
            assert answer.json()["Items"]
            taken.append(time.monotonic() - began)
    assert sorted(taken)[10] < 0.03
