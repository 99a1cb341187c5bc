"""An answer counts only if it is one, whatever its status says."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.client import MailUpClient
from blocks.mailup.http.answers import Answer, whole_number
from blocks.mailup.resources.imports import ImportTarget, import_status
from blocks.mailup.resources.statistics import counts
from tests.core.mailup_by_hand import ByHand, Query, by_hand, envelope, paged, plain

ERROR = {
    "ErrorCode": "500", "ErrorDescription": "Object reference not set", "ErrorName": None,
    "ErrorStack": None,
}  # fmt: skip
SMS = {"ErrorCode": "FAILED_AT_004", "Receiver": "39333", "SentDate": None, "Status": 2}
BASE, LIST = "/console/Console", "/console/Console/List/1"
OPTINS = f"{LIST}/Recipients/EmailOptins"
MESSAGE = "/statistics/Message/7"

NO_ANSWERS: list[Any] = [
    ERROR, {"errorcode": 500}, {"ERRORDESCRIPTION": "x"}, {"error": "server_error"},
    json.dumps(ERROR), json.dumps([ERROR]), [ERROR], {"Items": [ERROR]},
    ERROR | {"Items": [], "TotalElementsCount": 0}, {"ExceptionType": "System.Exception"},
]  # fmt: skip
NO_PAGES: list[Any] = [
    *NO_ANSWERS, {}, {"Items": None}, {"TotalElementsCount": 0}, {"Items": {}}, {"Items": "[]"},
    None, 0, "", True, {"Items": [], "TotalElementsCount": -1}, {"Items": [], "PageSize": "x"},
]  # fmt: skip

READERS: dict[str, tuple[str, Callable[[MailUpClient], Any]]] = {
    "lists": (f"{BASE}/List", lambda client: client.lists()),
    "groups": (f"{LIST}/Groups", lambda client: client.groups(1)),
    "fields": (f"{BASE}/Recipient/DynamicFields", lambda client: client.dynamic_fields()),
    "history": (f"{BASE}/Imports", lambda client: client.latest_import_id()),
    "optins": (OPTINS, lambda client: list(client.optins(1, "email"))),
    "left": (OPTINS, lambda client: list(client.unsubscribed(1, "email"))),
    "number": (OPTINS, lambda client: client.count_optins(1, "email")),
    "search": (
        OPTINS, lambda client: client.find_optins(1, "email", "a@b.it")
    ),
    "here": (f"{LIST}/Recipients/Subscribed", lambda client: list(client.subscribed(1, "email"))),
    "people": (
        f"{LIST}/Recipients/Subscribed",
        lambda client: list(client.subscribed_with_fields(1, "email", (1,))),
    ),
    "messages": (f"{LIST}/Emails", lambda client: list(client.messages(1))),
    "sendings": (f"{LIST}/Email/7/SendHistory", lambda client: client.send_history(1, 7)),
    "views": (f"{MESSAGE}/List/Views", lambda client: list(client.views(7))),
    "clicks": (
        f"{MESSAGE}/List/UrlClickDetails", lambda client: list(client.url_click_details(7).pages)
    ),
    "sms": (
        f"{BASE}/Sms/7/Sendings/ReportDetails", lambda client: list(client.sms_report_details(7))
    ),
    "queue": (f"{BASE}/Email/Sendings/Undefined", lambda client: client.send_confirmation(
        3, repeated=True
    )),
}  # fmt: skip
SINGLE: dict[str, tuple[str, Callable[[MailUpClient], Any]]] = {
    "account": (f"{BASE}/Authentication/Info", lambda client: client.account_info()),
    "status": (f"{BASE}/Import/5", lambda client: import_status(client.session, 5)),
    "detail": (f"{BASE}/Imports/5", lambda client: client.import_detail(5)),
    "sending": (f"{BASE}/Import/5/Sending", lambda client: client.confirmation_sending(5)),
    "count": (
        f"{MESSAGE}/Count/Views",
        lambda client: counts(client.statistics_session, 7, "Views"),
    ),
}


@pytest.fixture
def mailup() -> Iterator[ByHand]:
    with by_hand() as server:
        yield server


@pytest.mark.parametrize("reader", READERS)
def test_no_page_is_never_nothing_more(mailup: ByHand, reader: str) -> None:
    """Every reader of pages refuses an invalid page, after a retry."""
    path, read = READERS[reader]
    with mailup.client(page_size=20) as client:
        for body in NO_PAGES:
            mailup.resources[path] = plain(body)
            mailup.asked.clear()
            with pytest.raises(MailUpUnavailable, match="MailUp"):
                read(client)
            assert len(mailup.asked) > 1, body


@pytest.mark.parametrize("reader", SINGLE)
def test_an_error_is_never_a_value(mailup: ByHand, reader: str) -> None:
    """Counts, states and details are checked like pages, and retried."""
    path, read = SINGLE[reader]
    with mailup.client() as client:
        for body in NO_ANSWERS:
            mailup.resources[path] = plain(body)
            mailup.asked.clear()
            with pytest.raises(MailUpUnavailable, match="MailUp"):
                read(client)
            assert len(mailup.asked) > 1, body


@pytest.mark.parametrize(
    ("path", "read"), [READERS["groups"], SINGLE["detail"]], ids=["pages", "single"]
)
def test_a_refusal_with_a_status_of_success_is_a_refusal(
    mailup: ByHand, path: str, read: Callable[[MailUpClient], Any]
) -> None:
    """Where the body of a read says that the request is wrong, it is not repeated."""
    wrong = ERROR | {"ErrorCode": "404", "ErrorDescription": "does not exist"}
    mailup.resources[path] = plain(wrong)
    with mailup.client() as client:
        with pytest.raises(MailUpRefused, match="answered 200, but the body is an error") as caught:
            read(client)
        assert caught.value.context["status"] == 404
        asked = len(mailup.asked)
        mailup.resources[path] = plain(wrong | {"ErrorCode": "408"})
        with pytest.raises(MailUpUnavailable):
            read(client)
    assert len(mailup.asked) > 2 * asked


def test_a_403_without_a_word_may_be_the_rate_limit(mailup: ByHand) -> None:
    """A read is tried again for a while; where that does not help, it is a refusal."""
    path, read = READERS["groups"]
    refused = [(403, ""), (403, {})]
    mailup.resources[path] = lambda _: refused.pop() if refused else (200, [])
    with mailup.client() as client:
        assert read(client) == []
        mailup.resources[path] = plain("", 403)
        mailup.asked.clear()
        with pytest.raises(MailUpRefused, match="may see the list"):
            read(client)
    assert 1 < len(mailup.asked) < 30


@pytest.mark.parametrize("words", ["(too_many_requests): Max:5", "Too many requests"])
def test_a_403_that_names_the_rate_limit_is_no_missing_permission(
    mailup: ByHand, words: str
) -> None:
    """Even an import is sent again: MailUp has refused it before doing anything."""
    refused = [(403, ERROR | {"ErrorCode": "403", "ErrorDescription": words})]
    mailup.resources[f"{LIST}/Recipients"] = lambda _: refused.pop() if refused else (200, 7)
    with mailup.client() as client:
        assert client.start_import(ImportTarget(list_id=1), b"[]") == 7
    assert len(mailup.asked) == 2


def test_a_403_with_other_words_is_a_missing_permission(mailup: ByHand) -> None:
    """It is reported at once, with what to check."""
    path, read = READERS["groups"]
    mailup.resources[path] = plain(
        ERROR | {"ErrorCode": "403", "ErrorDescription": "Forbidden"}, 403
    )
    with mailup.client() as client, pytest.raises(MailUpRefused, match="may see the list"):
        read(client)
    assert len(mailup.asked) == 1


def test_an_import_is_not_repeated_for_a_403_without_a_word(mailup: ByHand) -> None:
    """Whoever sent it looks before it is sent again."""
    mailup.resources[f"{LIST}/Recipients"] = plain("", 403)
    with (
        mailup.client() as client,
        pytest.raises(MailUpUnavailable, match="answered 403") as caught,
    ):
        client.start_import(ImportTarget(list_id=1), b"[]")
    assert caught.value.context["maybe_accepted"]
    assert len(mailup.asked) == 1


@pytest.mark.parametrize("total", [200, 0])
@pytest.mark.parametrize("body", [ERROR, {"Items": []}, {"Items": [], "TotalElementsCount": 200}])
def test_a_page_that_fails_in_the_middle_is_asked_for_again(
    mailup: ByHand, body: dict[str, Any], total: int
) -> None:
    """After one invalid page the same page is requested again."""
    whole_list = paged([{"IdRecipient": n, "Email": f"p{n}@b.it"} for n in range(1, 201)])
    bad = [body]

    def answer(query: Query) -> tuple[int, Any]:
        if query["pagenumber"] == "2" and bad:
            return 200, bad.pop()
        status, page = whole_list(query)
        return status, page | {"TotalElementsCount": total}

    mailup.resources[f"{LIST}/Recipients/Subscribed"] = answer
    with mailup.client(page_size=50) as client:
        found = [each.id for page in client.subscribed(1, "email") for each in page]
    assert sorted(found) == list(range(1, 201))
    if total:
        assert len(mailup.asked) == 5


@pytest.mark.parametrize("items", [[], [{"IdRecipient": 3, "Email": "a@b.it", "Status": "OPTIN"}]])
@pytest.mark.parametrize(
    "more", [{}, {"ErrorCode": None}, {"ErrorCode": 0, "ErrorDescription": ""}]
)
def test_a_page_is_a_page(mailup: ByHand, items: list[Any], more: dict[str, Any]) -> None:
    """An empty list and empty error fields are no error."""
    page = envelope(items, size=500, total=len(items)) | more
    mailup.resources[OPTINS] = plain(page)
    with mailup.client() as client:
        found = [each for some in client.optins(1, "email") for each in some]
    assert len(found) == len(items)


@pytest.mark.parametrize("value", [[SMS, SMS], envelope([SMS, SMS], size=0, total=0)])
def test_an_item_may_have_an_error_code_of_its_own(mailup: ByHand, value: Any) -> None:
    """An SMS that was not delivered is an item, not an error."""
    mailup.resources[f"{BASE}/Sms/7/Sendings/ReportDetails"] = plain(value)
    with mailup.client() as client:
        assert [frame.height for frame in client.sms_report_details(7)] == [2]


@pytest.mark.parametrize("value", [5, "5", 5.0, " 5 ", "5.0", "05"])
def test_a_number_is_read_in_any_form(value: Any) -> None:
    """A number may come as a number or as text."""
    assert whole_number(value, "GET /x") == 5


@pytest.mark.parametrize(
    "value",
    [-3, "-3", "--5", "5" * 5000, 10**30, 5.5, float("nan"), float("inf"), 1e300, True, None, "",
     "٥", "5e3", "0x5", [5], {"a": 5}, "5 6"],
)  # fmt: skip
def test_what_is_no_number_is_an_unusable_answer(value: Any) -> None:
    """Negative, endless and odd numbers are an error of ours that names the call."""
    with pytest.raises(MailUpUnavailable, match=r"^GET /x: "):
        whole_number(value, "GET /x")


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000, b"9" * 5000]
)
def test_what_is_nested_without_end_is_no_answer(body: bytes) -> None:
    """JSON that no parser takes is an error of ours, in a success as in an error."""
    with pytest.raises(MailUpUnavailable, match="not JSON"):
        Answer("GET /x", 200, body).json()
    assert "answered 500." in str(Answer("GET /x", 500, body).error())
