"""Errors of requests are mapped to ours."""

import inspect
import json
import pickle
import traceback

import pytest
import requests
import urllib3.exceptions
from hypothesis import given
from hypothesis import strategies as st
from requests import exceptions as foreign

from blocks.errors import ConfigurationError, HostNotTrusted, MailUpUnavailable, SyncError
from blocks.errors.foreign_texts import known_phrases
from blocks.mailup.http.answers import Answer
from blocks.mailup.http.errors import HTTP_ERRORS, mapped
from blocks.mailup.http.redaction import NOT_SHOWN

REQUESTS_ERRORS = [
    kind
    for kind in vars(foreign).values()
    if inspect.isclass(kind)
    and issubclass(kind, requests.RequestException)
    and not issubclass(kind, Warning)
]


@pytest.mark.parametrize("kind", REQUESTS_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_requests_is_mapped(kind: type[Exception]) -> None:
    """Each class of requests.exceptions has a line of its own in the table."""
    assert kind in HTTP_ERRORS


@pytest.mark.parametrize("kind", HTTP_ERRORS, ids=lambda kind: kind.__name__)
def test_a_foreign_error_leaves_as_ours(kind: type[Exception]) -> None:
    """The error has the mapped class and quotes nothing of the original text."""
    error = kind.__new__(kind, "https://host/?email=anna@example.it")
    with pytest.raises(SyncError) as caught, mapped("GET /x"):
        raise error
    assert type(caught.value) is HTTP_ERRORS[kind]
    assert "anna" not in str(caught.value)
    assert "anna" not in "".join(traceback.format_exception(caught.value))


def test_a_certificate_error_is_no_reason_to_try_again() -> None:
    """A wrong certificate is a matter of trust, not of availability."""
    with pytest.raises(HostNotTrusted), mapped("GET /x"):
        raise foreign.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] hostname mismatch")


def test_a_request_that_never_left_is_distinguished() -> None:
    """A refused connection has sent nothing; a broken one may have."""
    never = urllib3.exceptions.NewConnectionError(None, "refused")  # type: ignore[arg-type]
    wrapped = urllib3.exceptions.MaxRetryError(None, "/", never)  # type: ignore[arg-type]
    for error, sent in [(foreign.ConnectionError(wrapped), False), (foreign.ReadTimeout(), True)]:
        with pytest.raises(MailUpUnavailable) as caught, mapped("POST /x"):
            raise error
        assert caught.value.context["sent"] is sent


def test_a_bad_address_is_a_setting() -> None:
    """An address that cannot be used is never tried twice."""
    with pytest.raises(ConfigurationError), mapped("GET /x"):
        raise foreign.InvalidURL("x")


PERSON = [
    "Can't parse 'Anna Segreta' of row 3", "Value \u201cAnna Segreta\u201d is not valid",
    "Row [Anna Segreta] refused", "anna.segreta%40example.it", "Anna Segreta; diagnosi HIV",
    "pass+word%26secret", "QW5uYSBTZWdyZXRh", "\\u0041nna", "0039 333 1234567", "ANNA SEGRETA",
]  # fmt: skip


SECRETS = ("anna", "segreta", "0041nna", "diagnosi", "example.it", "word", "secret", "qw5", "333")


@pytest.mark.parametrize("text", PERSON)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_nothing_of_a_foreign_text_is_shown(status: int, text: str) -> None:
    """Whatever MailUp quotes, and however it is encoded: only known phrases are shown."""
    described = f"No property: {text}, access token is expired"
    body = {"ErrorCode": text, "ErrorDescription": described, "ErrorName": text, "error": text}
    answer = Answer("GET /x", status, json.dumps(body).encode())
    with pytest.raises(SyncError) as caught:
        answer.json()
    for error in (caught.value, answer.error()):
        output = str(error).casefold()
        assert not any(secret in output for secret in SECRETS)
        assert "get /x" in output


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"ErrorCode": "429", "ErrorDescription": "x: Too many  REQUESTS. Max:5"},
         "error code 429, too many requests"),
        ({"errorcode": -601, "errordescription": "Import error: another import is running"},
         "error code -601, another import"),
        ({"error": "invalid_grant", "error_description": "m1 is unknown"}, "invalid_grant"),
        ({"ErrorName": "Unauthorized", "ErrorDescription": ""}, "Unauthorized"),
        ({"ErrorCode": "3331234567", "ErrorDescription": "Anna"}, NOT_SHOWN),
        ({"ErrorDescription": 7}, ""), ({}, ""),
    ],
)  # fmt: skip
def test_codes_and_known_phrases_are_shown(body: dict[str, object], expected: str) -> None:
    """An operator gets code, name and what is known of the text; and that there is another one."""
    assert Answer("GET /x", 400, json.dumps(body).encode()).description == expected


@given(st.text(), st.lists(st.sampled_from(["not found", "disk full", "quota"])))
def test_known_phrases_are_ours(text: str, found: list[str]) -> None:
    """What is shown of any text is made of our phrases alone."""
    phrases = ["not found", "disk full", "quota"]
    shown = known_phrases("\n".join([text, *found]), phrases)
    assert set(shown.split(", ")) <= {"", *phrases}
    assert set(found) <= set(shown.split(", "))


def test_an_error_survives_pickling() -> None:
    """An error keeps its text and its context on its way to another process."""
    error = Answer("GET /x", 400, b'{"ErrorCode":"400","ErrorDescription":"No property X"}').error()
    assert "error code 400, no property" in str(error)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert str(again) == str(error)
    assert again.context == error.context == {"status": 400}


@pytest.mark.parametrize("body", [b"", b"<html>gateway</html>", b"[1]", b'{"ErrorDescription":7}'])
def test_an_error_without_description_is_still_an_error(body: bytes) -> None:
    """Empty, HTML and odd error bodies are read without an error."""
    assert "answered 503." in str(Answer("GET /x", 503, body).error())
