"""Servers without end: every part of an exchange is bounded in time and in bytes."""

import gzip
import io
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.settings import MailUpSettings
from blocks.mailup.http.wire import Call, Wire

HEAD = b"HTTP/1.1 200 OK\r\n"
Behave = Callable[[socket.socket], None]


@contextmanager
def serving(behave: Behave) -> Iterator[str]:
    """A server with this behaviour on each connection; its host and port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=served, args=(connection,), daemon=True).start()

    def served(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            behave(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def asked(base: str, *, body: bytes = b"") -> float:
    """Seconds until an exchange has ended in an error of ours."""
    settings = MailUpSettings(
        client_id="c", client_secret="s", username="u", password="p", console_url=base,
        token_url=base, statistics_url=base, connect_seconds=0.6, read_seconds=5,
        answer_seconds=0.3,
    )  # fmt: skip
    wire = Wire(settings, pace=lambda: None)
    began = time.monotonic()
    with pytest.raises(MailUpUnavailable) as caught:
        wire.ask(Call("POST" if body else "GET", base + "/x", "/x", body=body))
    wire.close()
    assert caught.value.context["timed_out"] is True
    assert "/x" in str(caught.value)
    return time.monotonic() - began


def for_ever(first: bytes, again: bytes, pause: float = 0.02) -> Behave:
    """Sends *first*, then *again* repeatedly."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(first)
        while True:
            connection.sendall(again)
            time.sleep(pause)

    return behave


ENDLESS = {
    "headers that drip": for_ever(HEAD + b"X-A: ", b"a"),
    "a status that drips": for_ever(b"HTTP", b"/"),
    "100 Continue": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body that drips": for_ever(HEAD + b"Content-Length: 100000\r\n\r\n", b"["),
    "a body without end": for_ever(HEAD + b"\r\n", b"[" * 1000),
    "chunks without end": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n[\r\n"),
    "a chunk size that drips": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers without end": for_ever(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n0\r\n", b"X-A: a\r\n"
    ),
    "deflate of nothing": for_ever(
        HEAD + b"Content-Encoding: deflate\r\n\r\n\x78\x9c", b"\x00\x00\x00\xff\xff"
    ),
    "silence": for_ever(b"", b"", 1.0),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_an_answer_without_end_ends(what: str) -> None:
    """Status, headers, body, chunks: one limit of time is over all of them."""
    with serving(ENDLESS[what]) as address:
        assert asked(f"http://{address}") < 1.5


def test_a_handshake_that_drips_ends() -> None:
    """A TLS handshake without end ends in a time-out."""
    drip = for_ever(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x03")
    with serving(drip) as address:
        assert asked(f"https://{address}") < 3


def test_a_server_that_hardly_takes_a_request_is_given_up() -> None:
    """A request that is taken byte by byte does not hold a run."""

    def behave(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while connection.recv(1):
            time.sleep(0.02)

    with serving(behave) as address:
        assert asked(f"http://{address}", body=b"x" * 30_000_000) < 2


def test_a_slow_upload_that_advances_is_not_given_up() -> None:
    """The time-out while sending restarts with each part."""

    def behave(connection: socket.socket) -> None:
        left = 20_000_000
        while left > 0:
            left -= len(connection.recv(100_000))
            # Slow for longer than the silence, then as fast as it can: buffers are large.
            time.sleep(0.01 if left > 8_000_000 else 0)
        connection.sendall(HEAD + b"Content-Length: 1\r\n\r\n5")
        time.sleep(0.2)

    with serving(behave) as address:
        base = f"http://{address}"
        settings = MailUpSettings(
            client_id="c", client_secret="s", username="u", password="p", console_url=base,
            token_url=base, statistics_url=base, read_seconds=0.6, answer_seconds=60,
        )  # fmt: skip
        wire = Wire(settings, pace=lambda: None)
        assert wire.ask(Call("POST", base + "/x", "/x", body=b"x" * 20_000_000)).body == b"5"
        wire.close()


def packed(coding: str, size: int) -> bytes:
    """So many zeros, compressed; a coding may stand for two layers."""
    zeros = bytes(2**20)
    if coding == "deflate":
        packer = zlib.compressobj()
        return b"".join(packer.compress(zeros) for _ in range(size >> 20)) + packer.flush()
    written = io.BytesIO()
    with gzip.GzipFile(fileobj=written, mode="wb") as file:
        for _ in range(size >> 20):
            file.write(zeros)
    return gzip.compress(written.getvalue()) if coding == "gzip, gzip" else written.getvalue()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip"])
def test_a_bomb_is_given_up(coding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted is what comes out of a compressed answer."""
    monkeypatch.setattr("blocks.mailup.http.wire.MAX_ANSWER_BYTES", 2 * 2**20)
    body = packed(coding, 16 * 2**20)
    head = HEAD + f"Content-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    def behave(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(head + body)

    with serving(behave) as address:
        assert asked(f"http://{address}") < 2
