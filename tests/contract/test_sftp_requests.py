"""Many requests at once against an SFTP server that answers them in any order, and in part."""

import asyncio
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from blocks.errors import TransferInterrupted
from blocks.sftp_servers import SftpServer
from blocks.transport.sftp.transfer import MOST_REQUEST_BYTES
from sandbox.file_servers import start_sftp

CONTENT = random.Random(6).randbytes(9 * MOST_REQUEST_BYTES + 4321)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    """A server whose folder holds one large file."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "large").write_bytes(CONTENT)
    with start_sftp(tmp_path / "files", username="u", password="p") as there:
        yield SftpServer(
            host=there.host, port=there.port, username="u", password="p", host_key=there.host_key
        )


def _answers(monkeypatch: pytest.MonkeyPatch, *, end: int = len(CONTENT)) -> list[int]:
    """Let the server answer late, out of order and in part; returns the requested sizes."""
    asked: list[int] = []
    chance = random.Random(7)
    whole = asyncssh.SFTPServer.read

    async def read(self: Any, file: Any, offset: int, size: int) -> Any:
        asked.append(size)
        await asyncio.sleep(chance.random() / 100)
        return whole(self, file, offset, min(chance.randint(1, size), max(end - offset, 0)))

    monkeypatch.setattr(asyncssh.SFTPServer, "read", read)
    return asked


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_answers_in_part_and_out_of_order(
    server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server leaves out is asked for again, and every byte is in its place."""
    asked = _answers(monkeypatch)
    with server.connect() as there:
        assert there.read("large", tmp_path / "here") == len(CONTENT)
    assert _digest(tmp_path / "here") == hashlib.sha256(CONTENT).hexdigest()
    assert len(asked) > 2 * len(CONTENT) // MOST_REQUEST_BYTES


def test_file_that_ends_before_its_size(
    server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is shorter than the server says is never complete; the others are read."""
    _answers(monkeypatch, end=5 * MOST_REQUEST_BYTES)
    with server.connect() as there:
        with pytest.raises(TransferInterrupted, match="of"):
            there.read("large", tmp_path / "here")
        assert there.stat("large").size == len(CONTENT)
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("large", [True, False], ids=["large requests", "small requests"])
def test_requests_as_large_as_the_server_takes(
    server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, large: bool
) -> None:
    """Requests beyond 32 KiB go only to a server that says it takes them."""
    asked = _answers(monkeypatch)
    if not large:
        monkeypatch.setattr("blocks.transport.sftp.transfer.LIMITS", b"unheard-of")
    with server.connect() as there:
        there.read("large", tmp_path / "here")
        there.write(tmp_path / "here", "back")
    assert max(asked) == (MOST_REQUEST_BYTES if large else 32 * 1024)
    assert _digest(tmp_path / "files" / "back") == hashlib.sha256(CONTENT).hexdigest()


def test_a_full_disk_of_the_server_is_no_matter_of_the_path(
    server: SftpServer, tmp_path: Path
) -> None:
    """A server says "failure" for a missing permission and for missing room alike; once a file is
    open it is room, which may be there in a moment."""
    (tmp_path / "files" / "a.csv").symlink_to("/dev/full")
    (tmp_path / "source").write_bytes(b"row")
    with server.connect() as transport, pytest.raises(TransferInterrupted) as caught:
        transport.write(tmp_path / "source", "a.csv")
    assert caught.value.retry
    assert "free space" in caught.value.what_next
