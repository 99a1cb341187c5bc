"""SFTP servers that never come to an end, or that answer nonsense: an error of ours, and soon."""

import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from paramiko.message import Message
from paramiko.sftp import (
    CMD_ATTRS,
    CMD_CLOSE,
    CMD_DATA,
    CMD_HANDLE,
    CMD_NAME,
    CMD_OPEN,
    CMD_OPENDIR,
    CMD_READ,
    CMD_READDIR,
    CMD_STAT,
    CMD_STATUS,
)

from blocks.errors import FileGone, FileHeld, PathRefused, RetryableError, SyncError
from blocks.transport import spool
from blocks.transport.sftp.adapter import SftpTransport
from blocks.transport.sftp.session import SftpSettings
from blocks.transport.timeouts import Timeouts
from tests.core.scripted_sftp import sftp_to, text

pytestmark = pytest.mark.core

SOON = 5.0
REGULAR = 0o100644
ENDLESS = 0xFFFFFFFF
EOF = 1


def attributes(size: int = 3, changed: int = 1_700_000_000) -> bytes:
    """Size, mode and times of a file."""
    return struct.pack(">IQIII", 1 | 4 | 8, size, REGULAR, changed, changed)


def entry(name: bytes, about: bytes) -> bytes:
    """One name of a listing."""
    return text(name) + text(b"-rw") + about


class Server:
    """Answers requests about one file; a folder is one `part`, sent once or `for_ever`."""

    def __init__(
        self, *, part: bytes = b"", for_ever: bool = False, stat: tuple[int, bytes] | None = None
    ) -> None:
        self._part, self._for_ever = part, for_ever
        self._stat = stat or (CMD_ATTRS, attributes())
        self._is_sent = False

    def __call__(self, kind: int, request: Message) -> Iterator[tuple[int, bytes]]:
        """The answer to one request, with its number."""
        number = request.get_int().to_bytes(4)
        back, content = self._answer(kind, request)
        yield back, number + content

    def _answer(self, kind: int, request: Message) -> tuple[int, bytes]:
        if kind in (CMD_OPEN, CMD_OPENDIR):
            return CMD_HANDLE, text(b"h")
        if kind == CMD_STAT:
            return self._stat
        if kind == CMD_READ:
            request.get_string()
            part = b"abc"[request.get_int64() :][: request.get_int()]
            return (CMD_DATA, text(part)) if part else _status(EOF)
        if kind == CMD_READDIR:
            before, self._is_sent = self._is_sent, not self._for_ever
            return _status(EOF) if before else (CMD_NAME, self._part)
        return _status(0 if kind == CMD_CLOSE else 4)


def _status(code: int, said: bytes = b"anna@example.it \xe8") -> tuple[int, bytes]:
    return CMD_STATUS, code.to_bytes(4) + text(said) + text(b"")


def _names(*entries: bytes, count: int | None = None) -> bytes:
    return (len(entries) if count is None else count).to_bytes(4) + b"".join(entries)


ENTRY = entry(b"a.csv", attributes())
EXTENDED = struct.pack(">II", 1 << 31, ENDLESS)


@pytest.mark.parametrize(
    "part", [_names(ENTRY), _names(), _names(entry(b"\n", b"\0\0\0\0"))], ids=["names", "none", "x"]
)
def test_a_listing_without_end(part: bytes) -> None:
    """It ends in time, whatever its parts hold."""
    began = time.monotonic()
    with pytest.raises(SyncError) as refused, sftp_to(Server(part=part, for_ever=True)) as there:
        there.list("")
    assert refused.value.retry
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("part", [_names(*[ENTRY] * 100), _names()], ids=["full", "empty"])
def test_a_listing_of_too_many_names(part: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with more names than accepted is refused with what to do, and not asked again."""
    monkeypatch.setattr(spool, "MOST_NAMES", 50)
    server = Server(part=part, for_ever=True)
    with pytest.raises(PathRefused, match="50 names"), sftp_to(server) as transport:
        transport.list("")


@pytest.mark.parametrize(
    "part",
    [
        _names(count=ENDLESS),
        _names(ENTRY, count=2_000_000),
        _names(ENTRY[:-3]),
        _names(ENTRY, count=2),
        _names(entry(b"a", EXTENDED)),
        text(b"")[:3],
        _names(ENDLESS.to_bytes(4) + b"a"),
    ],
    ids=itertools.count(),
)
def test_a_listing_with_nonsense(part: bytes) -> None:
    """Entries that are not there, cut ones, attributes without end: nothing is made up of them."""
    began = time.monotonic()
    with pytest.raises(RetryableError) as refused, sftp_to(Server(part=part)) as transport:
        [*transport.list("")]
    assert "SFTPError" in str(refused.value)
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize(
    "answer",
    [
        (CMD_ATTRS, EXTENDED),
        (CMD_ATTRS, attributes()[:-1]),
        (CMD_ATTRS, attributes(size=2**64 - 1)),
        (CMD_NAME, b""),
        (CMD_DATA, text(b"abc")),
        (CMD_STATUS, b""),
        (250, b"\xff" * 50),
    ],
    ids=itertools.count(),
)
def test_a_look_with_nonsense(answer: tuple[int, bytes]) -> None:
    """Sizes that no file has, attributes without end or cut: our own error."""
    began = time.monotonic()
    with pytest.raises(SyncError), sftp_to(Server(stat=answer)) as transport:
        transport.stat("a.csv")
    assert time.monotonic() - began < SOON


def test_answers_that_nobody_asked_for() -> None:
    """A server that answers other requests without end is given up in time."""

    def answer(_kind: int, _request: Message) -> Iterator[tuple[int, bytes]]:
        return itertools.repeat((CMD_ATTRS, ENDLESS.to_bytes(4) + attributes()))

    began = time.monotonic()
    with pytest.raises(SyncError) as refused, sftp_to(answer) as transport:
        transport.stat("a.csv")
    assert refused.value.retry
    assert time.monotonic() - began < SOON


def test_a_refusal_in_another_encoding() -> None:
    """A missing file is a missing file, in whatever language and encoding it is reported."""
    with pytest.raises(FileGone) as gone, sftp_to(Server(stat=_status(2))) as transport:
        transport.stat("a.csv")
    assert "anna" not in str(gone.value)


def test_names_that_are_no_text() -> None:
    """They are listed all the same, one by one, and control characters are passed over."""
    names = [b"\xe8.csv", b"\xff\xfe", b"a\0b", b"", b"..", b"x" * 5000]
    part = _names(*(entry(name, attributes()) for name in names))
    with sftp_to(Server(part=part)) as transport:
        assert [each.name for each in transport.list("")] == ["è.csv", "ÿþ"]
        assert transport.skipped == 4


@pytest.mark.parametrize("size", [0, 1, 2], ids=["empty", "one byte", "two bytes"])
def test_a_size_that_is_too_small(size: int, tmp_path: Path) -> None:
    """Half a file is never taken for the whole, nor an empty one."""
    server = Server(stat=(CMD_ATTRS, attributes(size=size)))
    with sftp_to(server) as transport, pytest.raises(FileHeld) as held:
        transport.read("a.csv", tmp_path / "a.csv", size=size)
    assert held.value.context["reason"] == "changed"
    assert not (tmp_path / "a.csv").exists()


def test_the_right_size(tmp_path: Path) -> None:
    """A file is whole where the server comes to its end with its last byte."""
    with sftp_to(Server()) as transport:
        assert transport.read("a.csv", tmp_path / "a.csv", size=3) == 3
    assert (tmp_path / "a.csv").read_bytes() == b"abc"


@pytest.mark.parametrize(
    "version",
    [b"\0\0\0\3" + b"\0" * 300_000, b"\0\0\0\3\xff\xff", b""],
    ids=["many", "cut", "none"],
)
def test_extensions_that_make_no_sense(version: bytes) -> None:
    """Cut ones are an error, and many take no time."""
    began = time.monotonic()
    with suppress(SyncError), sftp_to(Server(), version) as transport:
        transport.stat("a.csv")
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize(
    "saying",
    [
        itertools.repeat(b"S"),
        itertools.chain([b"SSH-2.0-x\r\n"], itertools.repeat(b"\0")),
        itertools.chain([b"SSH-2.0-x\r\n\x7f\xff\xff\xff"], itertools.repeat(b"\0" * 65536)),
        itertools.chain([b"SSH-2.0-x\r\n\0\0\0\x0c\x04\x14\xff"], itertools.repeat(b"\xff")),
        itertools.repeat(b"hello anna\r\n" * 10),
        iter([b"SSH-2.0-\xff\xfe\r\n"]),
        iter([b"SSH-1.0-x\r\n"]),
    ],
    ids=["banner", "exchange", "packet of 2 GB", "damaged", "hello", "no text", "version 1"],
)
def test_ssh_that_drips(saying: Iterator[bytes]) -> None:
    """A greeting or a key exchange without end is given up in time; its text is shown nowhere."""
    leave = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            sock, _ = listener.accept()
            with sock:
                for part in saying:
                    sock.sendall(part)
                    if leave.wait(0 if len(part) > 100 else 0.02):
                        return
                leave.wait(5)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port, began = listener.getsockname()[1], time.monotonic()
        with pytest.raises(SyncError) as refused:
            SftpTransport(
                SftpSettings("127.0.0.1", port, "u", "p", verify_host_key=False,
                             timeouts=Timeouts(connect=0.4, read=0.4, transfer=0.6))
            )  # fmt: skip
        assert time.monotonic() - began < SOON
        leave.set()
        thread.join(5)
    assert "anna" not in str(refused.value)
