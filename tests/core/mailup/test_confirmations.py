"""Sending a prepared confirmation once, with a server that loses answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from blocks.errors import MailUpUnavailable
from blocks.mailup.client import MailUpClient
from blocks.mailup.http.settings import MailUpSettings

SENDING = 7


class Queues(BaseHTTPRequestHandler):
    """MailUp's sending queues: one prepared sending."""

    protocol_version = "HTTP/1.1"
    waiting: bool
    sent: int
    lose: list[str]

    def do_GET(self) -> None:
        """The queue of sendings that wait for a decision."""
        items = [{"idSending": SENDING}] if self.waiting and "Undefined" in self.path else []
        page = {"Items": items, "PageNumber": 0, "PageSize": 500, "TotalElementsCount": len(items)}
        self._answer(page)

    def do_POST(self) -> None:
        """The log-in, or the order to send."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/Token":
            self._answer({"access_token": "t", "expires_in": 3600})
            return
        lost = type(self).lose.pop(0) if type(self).lose else ""
        if lost != "before":
            type(self).waiting = False
            type(self).sent += 1
        if lost:
            self.close_connection = True
        else:
            self._answer(None)

    def _answer(self, value: object) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def client() -> Iterator[MailUpClient]:
    """A client of a fresh server with one prepared sending."""
    Queues.waiting, Queues.sent, Queues.lose = True, 0, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Queues)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    settings = MailUpSettings(
        client_id="c",
        client_secret="s",
        username="u",
        password="p",
        console_url=base,
        statistics_url=base,
        token_url=f"{base}/Token",
    )
    with MailUpClient(settings, pace=lambda: None, sleep=lambda _: None) as client:
        yield client
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("lost", [[], ["after"], ["before"], ["before", "after"]])
def test_a_confirmation_is_sent_once_whatever_answer_is_lost(
    client: MailUpClient, lost: list[str]
) -> None:
    """A lost answer is looked up in the queues: repeated if still waiting, left alone if not."""
    Queues.lose = list(lost)
    assert client.send_confirmation(SENDING) is True
    assert Queues.sent == 1


def test_a_confirmation_of_an_earlier_run_is_not_sent_again(client: MailUpClient) -> None:
    """A repeated run sends only what still waits."""
    assert client.send_confirmation(SENDING, repeated=True) is True
    assert client.send_confirmation(SENDING, repeated=True) is False
    assert Queues.sent == 1


def test_a_confirmation_that_never_gets_through_ends(client: MailUpClient) -> None:
    """The attempts are bounded."""
    Queues.lose = ["before"] * 10
    with pytest.raises(MailUpUnavailable):
        client.send_confirmation(SENDING)
    assert len(Queues.lose) == 7
