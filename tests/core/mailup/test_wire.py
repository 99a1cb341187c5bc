"""One exchange over a real socket, with faulty servers."""

import gzip
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from blocks.errors import ConfigurationError, MailUpUnavailable
from blocks.mailup.http.settings import MailUpSettings
from blocks.mailup.http.wire import Call, Wire

BIG = b"[" + b"1," * 200_000 + b"1]"


class Handler(BaseHTTPRequestHandler):
    """Answers by path; keeps what it was asked."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, dict[str, str], tuple[str, int]]]

    def _note(self) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.seen.append((self.path, headers, self.client_address))
        self.rfile.read(int(headers.get("content-length", "0")))

    def do_GET(self) -> None:
        """Behave as the path says."""
        self._note()
        getattr(self, "_" + self.path.split("?")[0].strip("/"))()

    do_POST = do_GET

    def _answer(self, body: bytes, **headers: str) -> None:
        self.send_response(int(headers.pop("status", "200")))
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _plain(self) -> None:
        self._answer(b"[1]", Set_Cookie="ASP.NET_SessionId=x")

    def _big(self) -> None:
        self._answer(BIG)

    def _gzip(self) -> None:
        self._answer(gzip.compress(BIG), Content_Encoding="gzip")

    def _chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(BIG), 50_000):
            part = BIG[start : start + 50_000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def _moved(self) -> None:
        self._answer(b"", status="302", Location="/plain")

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(40):
            self.wfile.write(b"1")
            self.wfile.flush()
            time.sleep(0.1)

    def _silent(self) -> None:
        time.sleep(2)

    def _dropped(self) -> None:
        self.close_connection = True

    def _short(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.close_connection = True

    def _garbled(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nNo header " + self.path.encode())
        self.wfile.write(b"\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A server on a free loopback port."""
    Handler.seen = []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients do break off
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()
    thread.join()


Ask = Callable[..., bytes]


@pytest.fixture
def wire(server: ThreadingHTTPServer) -> Iterator[tuple[Wire, str]]:
    """A wire with short time-outs, and the server's address."""
    base = f"http://127.0.0.1:{server.server_address[1]}"
    settings = MailUpSettings(
        client_id="c",
        client_secret="s3cret",
        username="m1",
        password="pw",
        console_url=base,
        token_url=base,
        statistics_url=base,
        connect_seconds=1,
        read_seconds=0.5,
        answer_seconds=1,
    )
    wire = Wire(settings, pace=lambda: None)
    yield wire, base
    wire.close()


@pytest.mark.parametrize("path", ["/big", "/gzip", "/chunked"])
def test_a_body_arrives_whole(wire: tuple[Wire, str], path: str) -> None:
    """Large, compressed and chunked bodies are read to the last byte."""
    assert wire[0].ask(Call("GET", wire[1] + path, path)).body == BIG


def test_connections_are_kept_and_cookies_are_not(wire: tuple[Wire, str]) -> None:
    """Calls use one connection, and no session cookie ties them together."""
    for _ in range(3):
        wire[0].ask(Call("GET", wire[1] + "/plain", "/plain"))
    assert len({address for _, _, address in Handler.seen}) == 1
    assert not any("cookie" in headers for _, headers, _ in Handler.seen)
    assert wire[0].calls == 3


def test_a_password_of_netrc_is_not_sent(
    wire: tuple[Wire, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log-in call takes no credentials from ~/.netrc."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    wire[0].ask(Call("POST", wire[1] + "/plain", "/plain"))
    assert "authorization" not in Handler.seen[0][1]


def test_a_post_without_body_tells_its_length(wire: tuple[Wire, str]) -> None:
    """IIS wants Content-Length: 0."""
    wire[0].ask(Call("POST", wire[1] + "/plain", "/plain"))
    assert Handler.seen[0][1]["content-length"] == "0"


def test_a_redirection_is_not_followed(wire: tuple[Wire, str]) -> None:
    """The token goes to the configured address and nowhere else."""
    answer = wire[0].ask(Call("GET", wire[1] + "/moved", "/moved"), token="t0ken")
    assert isinstance(answer.error(), ConfigurationError)
    assert [path for path, _, _ in Handler.seen] == ["/moved"]


def test_a_dripping_answer_ends(wire: tuple[Wire, str]) -> None:
    """A server that sends a byte now and then cannot hold a call for longer than allowed."""
    started = time.monotonic()
    with pytest.raises(MailUpUnavailable, match="no usable answer") as caught:
        wire[0].ask(Call("GET", wire[1] + "/drip", "/drip"))
    assert time.monotonic() - started < 2
    assert caught.value.context["timed_out"] is True


@pytest.mark.parametrize(
    ("path", "timed_out"), [("/silent", True), ("/dropped", False), ("/short", False)]
)
def test_a_lost_answer_was_maybe_sent(
    wire: tuple[Wire, str], path: str, *, timed_out: bool
) -> None:
    """Silence, a closed connection and a cut body all leave open what MailUp has done."""
    with pytest.raises(MailUpUnavailable) as caught:
        wire[0].ask(Call("POST", wire[1] + path, path, body=b"[]"))
    assert caught.value.context == {"timed_out": timed_out, "sent": True}
    assert len(Handler.seen) == 1


def test_a_refused_connection_sent_nothing() -> None:
    """Nobody listening means that nothing was done."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{bound.getsockname()[1]}"
        settings = MailUpSettings(client_id="c", client_secret="s", username="u", password="p")
        with pytest.raises(MailUpUnavailable) as caught:
            Wire(settings, pace=lambda: None).ask(Call("POST", base + "/x", "/x"))
    assert caught.value.context == {"timed_out": False, "sent": False}


@pytest.mark.parametrize("path", ["/plain", "/moved", "/garbled", "/silent", "/dropped", "/short"])
def test_who_is_looked_up_is_in_no_log_and_no_error(
    wire: tuple[Wire, str], caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """The query of an address reaches MailUp, and no library's log nor any error's chain."""
    caplog.set_level(logging.DEBUG)
    query = {"filterby": "\"Email=='pianta+è@example.it'\"", "mobile": '"00393339876543"'}
    text = _asked(wire[0], Call("GET", wire[1] + path, path, query))
    sent = parse_qs(urlsplit(Handler.seen[0][0]).query)
    assert sent == {key: [value] for key, value in query.items()}
    assert path in text + caplog.text
    _nobody(text + caplog.text)


def test_who_is_looked_up_where_nobody_listens_is_in_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A connection that is refused and tried again is logged without the query."""
    caplog.set_level(logging.DEBUG)
    settings = MailUpSettings(client_id="c", client_secret="s", username="u", password="p")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{bound.getsockname()[1]}"
        call = Call("GET", base + "/x", "/x", {"email": '"pianta@example.it"'})
        text = _asked(Wire(settings, pace=lambda: None), call)
    assert "Retrying" in caplog.text
    _nobody(text + caplog.text)


def _asked(wire: Wire, call: Call) -> str:
    """All texts in the chain of the error, also what tracebacks leave out."""
    try:
        wire.ask(call)
    except MailUpUnavailable as error:
        chain: list[BaseException | None] = [error]
        while chain[-1] is not None:
            chain.append(chain[-1].__context__)
        text = [f"{each!r} {vars(each)}" for each in chain if each is not None]
        return "\n".join([*traceback.format_exception(error), *text])
    return ""


def _nobody(text: str) -> None:
    found = [word for word in ("pianta", "example.it", "9876543") if word in text]
    assert found == [], text
