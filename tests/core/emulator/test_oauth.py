"""The emulator's token endpoint and its check of bearer tokens."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox.mailup.caller import Caller
from sandbox.mailup.server import start

INFO = "/Console/Authentication/Info"


@pytest.fixture
def mailup(tmp_path: Path) -> Iterator[Caller]:
    with start(tmp_path, calls_per_second=0, import_seconds=0) as emulator:
        yield Caller(emulator)


@pytest.mark.parametrize("place", ["form", "basic", "query"])
def test_client_authentication_is_accepted_in_three_places(mailup: Caller, place: str) -> None:
    """Client id and secret may come in the form, the Basic header, or the query string."""
    emulator = mailup.emulator
    client = {"client_id": emulator.client_id, "client_secret": emulator.client_secret}
    user = {"grant_type": "password", "username": "m1234", "password": emulator.password}
    pair = base64.b64encode(f"{emulator.client_id}:{emulator.client_secret}".encode()).decode()
    answer = requests.post(
        emulator.token_url,
        data=user | client if place == "form" else user if place == "basic" else None,
        params=user | client if place == "query" else None,
        headers={"Authorization": f"Basic {pair}"} if place == "basic" else None,
        timeout=10,
    )
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "expires_in", "refresh_token"}


@pytest.mark.parametrize("wrong", ["password", "client_secret", "grant_type"])
def test_bad_credentials_are_refused_in_oauths_shape(mailup: Caller, wrong: str) -> None:
    """A wrong password, secret or grant type gets 400 with error and error_description."""
    form = {"grant_type": "password", "username": "m1234", "password": mailup.emulator.password}
    answer = mailup.token(**form | {wrong: "nonsense"})
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "error_description"}


def test_a_refresh_token_works_once(mailup: Caller) -> None:
    """A refresh hands out a new refresh token and the old one is refused from then on."""
    old = mailup.tokens["refresh_token"]
    first = mailup.token(grant_type="refresh_token", refresh_token=old)
    again = mailup.token(grant_type="refresh_token", refresh_token=old)
    new = first.json()["refresh_token"]
    assert (first.status_code, again.status_code) == (200, 400)
    assert again.json()["error"] == "invalid_grant"
    assert new != old
    assert mailup.token(grant_type="refresh_token", refresh_token=new).status_code == 200


def test_an_expired_token_gets_the_documented_401(mailup: Caller) -> None:
    """After its life an access token gets 401 with the documented body, a fresh one works."""
    mailup.control("settings", {"expires_in": 0})
    mailup.tokens = mailup.token(
        grant_type="refresh_token", refresh_token=mailup.tokens["refresh_token"]
    ).json()
    answer = mailup.call("GET", INFO)
    assert answer.status_code == 401
    assert answer.json() == {
        "ErrorCode": "401",
        "ErrorDescription": "Authorization error: Access token is expired",
        "ErrorName": "Unauthorized",
        "ErrorStack": None,
    }


@pytest.mark.parametrize("header", ["Bearer nonsense", "MailUp nonsense", ""])
def test_an_unknown_token_gets_400(mailup: Caller, header: str) -> None:
    """A malformed, unknown or missing token gets 400 "Authorization error", not 401."""
    answer = requests.get(
        mailup.emulator.console_url + INFO, headers={"Authorization": header}, timeout=10
    )
    assert answer.status_code == 400
    assert answer.json()["ErrorDescription"].startswith("Authorization error")


def test_an_unsigned_contract_gets_403(mailup: Caller) -> None:
    """With the contract not signed every resource answers the documented 403."""
    mailup.control("settings", {"contract_signed": False})
    answer = mailup.call("GET", INFO)
    assert answer.status_code == 403
    assert "Contract not signed" in answer.json()["ErrorDescription"]


def test_the_code_flow_hands_out_tokens(mailup: Caller) -> None:
    """The log-on page redirects with a code that buys tokens once."""
    emulator = mailup.emulator
    logon = requests.get(
        f"{emulator.base_url}/Authorization/OAuth/LogOn",
        params={"client_id": emulator.client_id, "redirect_uri": "http://127.0.0.1:1/back"},
        allow_redirects=False,
        timeout=10,
    )
    code = logon.headers["Location"].partition("code=")[2]
    query = {"grant_type": "authorization_code", "code": code}
    first = requests.get(emulator.token_url, params=query, timeout=10)
    again = requests.get(emulator.token_url, params=query, timeout=10)
    assert (first.status_code, again.status_code) == (200, 400)
    assert "access_token" in first.json()
