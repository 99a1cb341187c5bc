"""The seam to requests, and what leaves it."""

import inspect
import pickle
import traceback

import pytest
import requests
import urllib3.exceptions
from requests import exceptions as foreign

from blocks.errors import ConfigurationError, HostNotTrusted, MailUpUnavailable, SyncError
from blocks.mailup.answers import Answer
from blocks.mailup.faults import FOREIGN, mapped
from blocks.mailup.redaction import MAX_CHARACTERS, redacted

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
    assert kind in FOREIGN


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_a_foreign_error_leaves_as_ours(kind: type[Exception]) -> None:
    """What leaves the seam is of the mapped class and quotes nothing of the foreign text."""
    error = kind.__new__(kind, "https://host/?email=anna@example.it")
    with pytest.raises(SyncError) as caught, mapped("GET /x"):
        raise error
    assert type(caught.value) is FOREIGN[kind]
    assert "anna" not in str(caught.value)
    assert "anna" not in "".join(traceback.format_exception(caught.value))


def test_a_certificate_error_is_no_reason_to_try_again() -> None:
    """A wrong certificate is a matter of trust, not of availability."""
    with pytest.raises(HostNotTrusted), mapped("GET /x"):
        raise foreign.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] hostname mismatch")


def test_a_request_that_never_left_is_told_apart() -> None:
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


def test_redaction_leaves_nobody() -> None:
    """E-mail addresses, phone numbers and known secrets do not survive; codes do."""
    text = "Property 'Foo' of 'anna.rossi+x@example.it' (333 123-4567) for m1234\n code 42"
    assert redacted(text, ["m1234"]) == "Property 'Foo' of '<e-mail>' (<number>) for *** code 42"
    assert "Foo" not in redacted(text, quotes_data=True)
    assert len(redacted("x " * 500)) == MAX_CHARACTERS


@pytest.mark.parametrize(
    "email", ["o'brien@example.it", "ü@exämple.it", "<a@b.it>", "a@b", "mailto:a@b.it", "x=a@b.it"]
)
def test_redaction_knows_odd_addresses(email: str) -> None:
    """No address form leaves more than its frame."""
    assert "@" not in redacted(f"bad: {email}, sorry")
    assert "brien@" not in redacted(f"bad: {email}")


def test_an_error_body_is_quoted_by_its_description_only() -> None:
    """The error tells MailUp's description, never the rest of the body, and survives pickling."""
    body = b'{"ErrorCode":"400","ErrorDescription":"No property Foo","Extra":"Rossi"}'
    error = Answer("GET /x", 400, body).error()
    assert "No property Foo" in str(error)
    assert "Rossi" not in str(error) + repr(Answer("GET /x", 400, body))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert str(again) == str(error)
    assert again.context == error.context == {"status": 400}


@pytest.mark.parametrize("body", [b"", b"<html>gateway</html>", b"[1]", b'{"ErrorDescription":7}'])
def test_an_error_without_description_is_still_an_error(body: bytes) -> None:
    """Empty, HTML and odd error bodies are read without falling over."""
    assert "answered 503." in str(Answer("GET /x", 503, body).error())
