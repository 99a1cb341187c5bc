"""Downloads: what is kept of an interrupted one, and when it is discarded."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.errors import FileGone, FileHeld, TransferInterrupted
from blocks.transport.base import RemoteFile
from blocks.transport.download import download, part_path

pytestmark = pytest.mark.core

CONTENT = b"0123456789"
MOMENT = datetime(2024, 2, 3, tzinfo=UTC)


class Source:
    """A remote file in memory; `arriving` is what a transfer brings, `asked` its offsets."""

    def __init__(self, modified_at: datetime | None = MOMENT, arriving: bytes = CONTENT) -> None:
        self.looks = [RemoteFile("a", len(CONTENT), modified_at)] * 3
        self.arriving = arriving
        self.asked: list[int] = []

    def stat(self, path: str) -> RemoteFile:
        """The next look at the file."""
        if not self.looks:
            raise FileGone(f"{path} is gone")
        return self.looks.pop(0)

    def chunks(self, offset: int, size: int) -> Iterator[bytes]:
        """What arrives, in two pieces."""
        assert size == len(CONTENT)
        self.asked.append(offset)
        yield self.arriving[offset : offset + 4]
        yield self.arriving[offset + 4 :]

    def fetch(self, target: Path, *, resume: bool = True) -> int:
        """Download this file."""
        return download("a", target, stat=self.stat, chunks=self.chunks, resume=resume, size=None)


def keep_part(target: Path, content: bytes, modified_at: datetime | None = MOMENT) -> None:
    """Leave a part-file as an interrupted download does."""
    part_path(target, "a", RemoteFile("a", len(CONTENT), modified_at)).write_bytes(content)


def test_resumes_where_it_was_cut(tmp_path: Path) -> None:
    """Only the rest is asked for."""
    keep_part(tmp_path / "a", CONTENT[:6])
    source = Source()
    assert source.fetch(tmp_path / "a") == 10
    assert source.asked == [6]
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_all_had_arrived(tmp_path: Path) -> None:
    """A download that was only not concluded asks for its last byte, and whether more follows."""
    keep_part(tmp_path / "a", CONTENT)
    source = Source()
    source.fetch(tmp_path / "a")
    assert source.asked == [len(CONTENT) - 1]
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("modified_at", "resume", "kept"),
    [(None, True, b"XXXX"), (MOMENT, False, b"XXXX"), (MOMENT, True, b"X" * 11)],
    ids=["no time", "server cannot resume", "too long"],
)
def test_starts_again(
    tmp_path: Path, modified_at: datetime | None, *, resume: bool, kept: bytes
) -> None:
    """A part that may be of another file is discarded."""
    keep_part(tmp_path / "a", kept, modified_at)
    source = Source(modified_at)
    source.fetch(tmp_path / "a", resume=resume)
    assert source.asked == [0]
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_short_file(tmp_path: Path) -> None:
    """An early end is an interruption; what arrived is kept, but not under the target's name."""
    with pytest.raises(TransferInterrupted):
        Source(arriving=CONTENT[:7]).fetch(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [CONTENT[:7]]


@pytest.mark.parametrize("arriving", [CONTENT, CONTENT[:7], CONTENT + b"more"])
def test_file_that_changes_meanwhile(tmp_path: Path, arriving: bytes) -> None:
    """A file that is another one after the transfer than before is held, and nothing is kept."""
    source = Source(arriving=arriving)
    source.looks[1:] = [RemoteFile("a", 12, MOMENT)]
    with pytest.raises(FileHeld) as caught:
        source.fetch(tmp_path / "a")
    assert caught.value.context["reason"] == "changed"
    assert [*tmp_path.iterdir()] == []


def test_file_that_vanishes_after_the_transfer(tmp_path: Path) -> None:
    """All of it arrived before the client took it away: that is a file."""
    source = Source()
    source.looks[1:] = []
    assert source.fetch(tmp_path / "a") == 10


def test_endless_file_is_not_followed(tmp_path: Path) -> None:
    """A file that grows faster than it is read does not fill the disk."""
    source = Source()

    def endless(offset: int, size: int) -> Iterator[bytes]:
        assert (offset, size) == (0, 10)
        while True:
            yield b"xxxx"

    with pytest.raises(FileHeld):
        download("a", tmp_path / "a", stat=source.stat, chunks=endless, resume=True, size=None)


def test_part_files_of_others_stay(tmp_path: Path) -> None:
    """Only parts of this target are removed."""
    for name in ("a.csv", ".b.123456789012.part", ".a.note", "a.b.part"):
        (tmp_path / name).write_bytes(b"")
    keep_part(tmp_path / "a", b"old", datetime(2023, 1, 1, tzinfo=UTC))
    Source().fetch(tmp_path / "a")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        ".a.note",
        ".b.123456789012.part",
        "a",
        "a.b.part",
        "a.csv",
    ]
