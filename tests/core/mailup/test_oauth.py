"""The life of a token, against the emulator."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from blocks.errors import ConfigurationError, LoginRefused, MailUpRefused, MailUpUnavailable
from blocks.mailup.client import MailUpClient
from blocks.mailup.http.settings import MailUpSettings
from blocks.mailup.resources.imports import ImportTarget
from sandbox.mailup.server import Emulator, start
from tests.core.emulated import settings_of


class Clock:
    """A clock that is set by hand; sleeping advances it, too."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture(scope="module")
def module_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for the file, without a rate limit."""
    with start(tmp_path_factory.mktemp("mailup"), calls_per_second=0) as emulator:
        yield emulator


@pytest.fixture
def emulator(module_emulator: Emulator) -> Emulator:
    """The emulator, reset: no faults, no log, everything allowed."""
    base = module_emulator.base_url
    requests.delete(f"{base}/_sandbox/faults", timeout=5)
    requests.delete(f"{base}/_sandbox/log", timeout=5)
    requests.delete(f"{base}/_sandbox/settings", timeout=5)
    return module_emulator


def control(emulator: Emulator, what: str, **body: Any) -> None:
    """Call the emulator's control API."""
    answer = requests.post(f"{emulator.base_url}/_sandbox/{what}", json=body, timeout=5)
    answer.raise_for_status()


def log_ins(emulator: Emulator) -> int:
    """How many requests the token address has seen."""
    log = requests.get(f"{emulator.base_url}/_sandbox/log", timeout=5).json()
    return sum(call["path"].endswith("/OAuth/Token") for call in log)


def posts(emulator: Emulator) -> int:
    """How many imports were asked for."""
    log = requests.get(f"{emulator.base_url}/_sandbox/log", timeout=5).json()
    return sum(call["method"] == "POST" and "/Recipients" in call["path"] for call in log)


ONE = b'[{"Email": "somebody@example.it"}]'
Connect = Callable[..., MailUpClient]


@pytest.fixture
def connect(emulator: Emulator) -> Iterator[Connect]:
    """Makes clients that do not wait."""
    clients = []

    def make(clock: Clock | None = None, **options: Any) -> MailUpClient:
        clock = clock or Clock()
        hooks = {name: options.pop(name) for name in ("on_rotate", "reread") if name in options}
        client = MailUpClient(
            settings_of(emulator, **options),
            pace=lambda: None,
            clock=clock,
            sleep=clock.sleep,
            **hooks,
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def refresh_token(emulator: Emulator) -> str:
    """A refresh token, as somebody got it by logging in once."""
    form = {
        "grant_type": "password",
        "username": emulator.username,
        "password": emulator.password,
        "client_id": emulator.client_id,
        "client_secret": emulator.client_secret,
    }
    token = requests.post(emulator.token_url, data=form, timeout=5).json()["refresh_token"]
    requests.delete(f"{emulator.base_url}/_sandbox/log", timeout=5)
    return str(token)


def test_one_log_in_serves_many_calls(emulator: Emulator, connect: Connect) -> None:
    """A token is asked for once and kept."""
    client = connect()
    for _ in range(3):
        client.account_info()
    assert log_ins(emulator) == 1
    assert client.calls == 4


def test_a_token_is_renewed_before_it_expires(emulator: Emulator, connect: Connect) -> None:
    """Shortly before the end of its life a token is replaced, not after a refusal."""
    clock = Clock()
    client = connect(clock)
    client.account_info()
    clock.ahead += 3600 - 30
    client.account_info()
    assert log_ins(emulator) == 2
    assert client.calls == 4


def test_a_token_that_expires_in_mid_walk_costs_one_call(
    emulator: Emulator, connect: Connect
) -> None:
    """An expired token is replaced once, and the page it spoilt is asked for again."""
    whole = [each.id for page in connect().subscribed(1, "email") for each in page]
    client = connect(page_size=20)
    seen: list[int] = []
    for number, page in enumerate(client.subscribed(1, "email")):
        seen += [each.id for each in page]
        if number == 1:
            control(emulator, "expire_tokens")
    assert seen == whole
    assert log_ins(emulator) == 3


def test_where_all_tokens_are_revoked_the_password_is_used(
    emulator: Emulator, connect: Connect
) -> None:
    """The password is used to log in again; if it is refused, too, the run fails at once."""
    client = connect()
    client.account_info()
    control(emulator, "revoke_tokens")
    assert client.account_info().username == emulator.username
    control(emulator, "revoke_tokens")
    emulator.settings.change({"password": "new"})
    with pytest.raises(LoginRefused):
        client.account_info()


def test_an_unknown_token_is_replaced(tmp_path: Path) -> None:
    """MailUp says 400 to a token it does not know; the password gets a new one."""
    clock = Clock()
    with start(tmp_path / "a", calls_per_second=0) as first:
        client = MailUpClient(settings_of(first), pace=lambda: None, clock=clock, sleep=clock.sleep)
        client.account_info()
    with start(tmp_path / "b", calls_per_second=0, port=first.port) as second:
        assert client.account_info().username == second.username
        # The refused call, the refused refresh token, the password, the repeated call.
        assert client.calls == 2 + 4
    client.close()


def test_a_refresh_token_is_rotated_and_reported(emulator: Emulator, connect: Connect) -> None:
    """Every new refresh token is handed out, and each one works once."""
    rotated: list[str] = []
    first = refresh_token(emulator)
    client = connect(password=None, refresh_token=first, on_rotate=rotated.append)
    client.account_info()
    control(emulator, "expire_tokens")
    client.account_info()
    assert len({first, *rotated}) == 3
    again = connect(password=None, refresh_token=rotated[-1])
    assert again.account_info().username == emulator.username


def test_a_refused_refresh_token_falls_back_to_the_password(
    emulator: Emulator, connect: Connect
) -> None:
    """With a password, an expired refresh token does not stop the run."""
    client = connect(refresh_token="dead")
    client.account_info()
    assert log_ins(emulator) == 2


def test_a_refresh_token_rotated_by_another_run_is_followed(
    emulator: Emulator, connect: Connect
) -> None:
    """The token that another run stored meanwhile is used."""
    fresh = refresh_token(emulator)
    stored = iter(["dead", fresh])
    client = connect(password=None, refresh_token="dead", reread=lambda: next(stored))
    assert client.account_info().username == emulator.username
    assert log_ins(emulator) == 2


def test_a_dead_refresh_token_alone_is_refused(emulator: Emulator, connect: Connect) -> None:
    """Without a password and without a newer token somebody has to act."""
    client = connect(password=None, refresh_token="dead", reread=lambda: "dead")
    with pytest.raises(LoginRefused, match="refresh token is refused") as caught:
        client.account_info()
    assert "dead" not in str(caught.value)
    assert log_ins(emulator) == 1


@pytest.mark.parametrize("wrong", ["password", "client_secret"])
def test_a_refused_log_in_is_never_tried_again(
    emulator: Emulator, connect: Connect, wrong: str
) -> None:
    """MailUp locks accounts: after one refused log-in a client makes no more attempts."""
    client = connect(**{wrong: "s3cr3t"})
    for _ in range(3):
        with pytest.raises(LoginRefused, match="not retried") as caught:
            client.account_info()
        assert "s3cr3t" not in str(caught.value)
        assert emulator.username not in str(caught.value)
    assert log_ins(emulator) == 1


def test_threads_refused_together_try_once(emulator: Emulator, connect: Connect) -> None:
    """A wrong password is sent once, however many threads need a token."""
    client = connect(password="s3cr3t")
    errors: list[Exception] = []

    def ask() -> None:
        try:
            client.account_info()
        except LoginRefused as error:
            errors.append(error)

    _together(ask)
    assert len(errors) == 8
    assert log_ins(emulator) == 1


def test_threads_renew_once(emulator: Emulator, connect: Connect) -> None:
    """Threads that meet an expired token renew it once for all."""
    client = connect()
    client.account_info()
    control(emulator, "expire_tokens")
    _together(client.account_info)
    assert log_ins(emulator) == 2


UNREADABLE = ["html", "without_body"]


@pytest.mark.parametrize("errors", [*UNREADABLE, "status_200"])
def test_a_read_refused_for_its_token_is_tried_with_a_new_one(
    emulator: Emulator, connect: Connect, errors: str
) -> None:
    """An error that nobody can read, or with status 200, may mean the token: where another call
    says so too, there is one new token, and none where the token is good."""
    client = connect()
    client.account_info()
    control(emulator, "settings", expired_token="400", errors=errors)
    control(emulator, "expire_tokens")
    client.account_info()
    assert log_ins(emulator) == 2
    control(emulator, "settings", unknown_list="400")
    for _ in range(2):
        with pytest.raises((MailUpRefused, MailUpUnavailable)):
            client.groups(99)
    assert log_ins(emulator) == 2, "the token is as new as it gets"


def test_an_import_refused_for_its_token_with_status_200_is_repeated(
    emulator: Emulator, connect: Connect
) -> None:
    """Where MailUp says in words that it did not take the token, nothing was done."""
    client = connect()
    client.account_info()
    control(emulator, "settings", expired_token="400", errors="status_200")
    control(emulator, "expire_tokens")
    assert client.start_import(ImportTarget(list_id=1), ONE)
    assert posts(emulator) == 2


@pytest.mark.parametrize("errors", UNREADABLE)
def test_an_import_refused_without_a_word_is_not_repeated(
    emulator: Emulator, connect: Connect, errors: str
) -> None:
    """Where the token is good no more, whoever sent it has to look before it is sent again; where
    it is good, the request is wrong."""
    client = connect()
    client.account_info()
    control(emulator, "settings", expired_token="400", errors=errors)
    control(emulator, "expire_tokens")
    with pytest.raises(MailUpUnavailable, match="not accept the access token") as caught:
        client.start_import(ImportTarget(list_id=1), ONE)
    assert caught.value.context["maybe_accepted"]
    assert posts(emulator) == 1
    client.account_info()
    assert log_ins(emulator) == 2
    control(emulator, "settings", unknown_list="400")
    with pytest.raises(MailUpRefused):
        client.start_import(ImportTarget(list_id=99), ONE)
    assert (posts(emulator), log_ins(emulator)) == (2, 2)


def _together(work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_contract_not_signed_is_a_matter_for_the_user(
    emulator: Emulator, connect: Connect
) -> None:
    """The terms of service have to be accepted by a person; the message says where."""
    control(emulator, "settings", contract_signed=False)
    with pytest.raises(ConfigurationError, match="accept them"):
        connect().account_info()


def test_a_token_service_in_trouble_is_waited_for(emulator: Emulator, connect: Connect) -> None:
    """A 503 of the token address is repeated, within bounds."""
    control(emulator, "faults", path="OAuth/Token", kind="503", times=2)
    connect().account_info()
    assert log_ins(emulator) == 3


def test_a_token_service_that_stays_away_ends(emulator: Emulator, connect: Connect) -> None:
    """The log-in has bounds of its own, not multiplied by those of the call."""
    control(emulator, "faults", path="OAuth/Token", kind="500", times=100)
    with pytest.raises(MailUpUnavailable):
        connect().account_info()
    assert log_ins(emulator) == 4


def test_an_import_without_a_token_was_not_sent(emulator: Emulator, connect: Connect) -> None:
    """After a failed log-in the import was not accepted."""
    control(emulator, "faults", path="OAuth/Token", kind="html", times=100)
    with pytest.raises(MailUpUnavailable) as caught:
        connect().start_import(ImportTarget(list_id=1), b"[]")
    assert caught.value.context["maybe_accepted"] is False


def test_secrets_are_in_no_repr(emulator: Emulator) -> None:
    """The settings show neither passwords nor tokens nor the user."""
    shown = repr(settings_of(emulator, refresh_token="r3fresh"))
    for secret in (emulator.client_secret, emulator.password, emulator.username, "r3fresh"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": None}, "neither a password nor a refresh token"),
        ({"console_url": "http://mailup.example/x"}, "uses http://"),
        ({"token_url": "services.mailup.com"}, "https://"),
        ({"console_url": "https://a:b@mailup.example"}, "remove everything else"),
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, Any], message: str) -> None:
    """Settings that would fail or leak later are refused when they are created."""
    known: dict[str, Any] = {
        "client_id": "c",
        "client_secret": "s",
        "username": "u",
        "password": "p",
    }
    with pytest.raises(ConfigurationError, match=message):
        MailUpSettings(**known | change)


class Hand:
    """A log-in whose answer is written by hand; `forms` are what was posted."""

    def __init__(self, status: int, body: bytes) -> None:
        self.answer, self.forms = (status, body), list[str]()

    def client(self, base: str, **options: Any) -> MailUpClient:
        settings = MailUpSettings(
            client_id="id", client_secret="cl1ent&secret", username="m1", token_url=base,
            console_url=base, statistics_url=base, **{"password": "pass+word&s3cret"} | options,
        )  # fmt: skip
        return MailUpClient(settings, pace=lambda: None, sleep=lambda _: None)


@pytest.fixture
def hand() -> Iterator[tuple[Hand, str]]:
    """A token address that answers by hand, and its URL."""
    served = Hand(200, b"{}")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Keep the form, answer by hand."""
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            served.forms.append(form)
            status, body = served.answer
            body = body.replace(b"FORM", json.dumps(form)[1:-1].encode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            """An account of one word."""
            body = b'{"UserName": "m1"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    "body",
    [
        b'{"error":"invalid_grant","error_description":"bad FORM"}',
        b'{"error_description":"FORM"}',
        b"FORM",
        b'"FORM"',
    ],
)
def test_a_refused_log_in_quotes_no_form(hand: tuple[Hand, str], status: int, body: bytes) -> None:
    """A server that sends the form back shows no part of it, in no encoding."""
    hand[0].answer = (status, body)
    with hand[0].client(hand[1]) as client, pytest.raises(LoginRefused) as caught:
        client.account_info()
    text = str(caught.value)
    assert not any(part in text for part in ("s3cret", "pass+", "cl1ent", "%2", "grant_type"))
    assert str(status) in text
    assert ("invalid_grant" in text) is (b"invalid_grant" in body)


@pytest.mark.parametrize(
    ("expires_in", "life"),
    [('"soon"', None), ("null", None), ("-5", None), ("NaN", None), ("1e400", None), ("{}", None),
     ("9" * 5000, "no JSON"), ('"' + "9" * 5000 + '"', None), ('"600"', 600.0), ("600.0", 600.0),
     ("true", None), ("99999999999", 86_400.0), ("0", None)],
)  # fmt: skip
def test_a_life_that_is_none_is_not_believed(
    hand: tuple[Hand, str], expires_in: str, life: float | str | None
) -> None:
    """A token whose life cannot be read is renewed after MailUp's shortest documented one."""
    hand[0].answer = (200, f'{{"Access_Token": "t", "expires_in": {expires_in}}}'.encode())
    with hand[0].client(hand[1]) as client:
        if life == "no JSON":
            with pytest.raises(MailUpUnavailable, match="not JSON"):
                client.account_info()
        else:
            assert client.account_info().username == "m1"
            assert client.token_life_seconds == life
            assert len(hand[0].forms) == 1


@pytest.mark.parametrize("body", [
    b"{}", b"[]", b"5", b'"t"', b'{"access_token": 5}', b'{"access_token": ""}', b"",
    b'{"access_token": "a\\r\\nX: y"}', b'{"access_token": "\\u20ac"}', b"[" * 100_000,
    b'{"error": "server_error", "access_token": "t"}', b'{"access_token": "t", "ErrorCode": "500"}',
])  # fmt: skip
def test_an_answer_without_a_usable_token_is_no_log_in(hand: tuple[Hand, str], body: bytes) -> None:
    """A success without a token, or with one that fits in no header, is tried again later."""
    hand[0].answer = (200, body)
    with hand[0].client(hand[1]) as client, pytest.raises(MailUpUnavailable):
        client.account_info()
    assert len(hand[0].forms) < 6
