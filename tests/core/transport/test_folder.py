"""A folder in place of a file server: nothing outside of it is reached, and nothing waits."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blocks.errors import FileGone, PathRefused, ServerUnavailable, SyncError
from blocks.local_folders import LocalFolder
from blocks.transport.base import Transport
from blocks.transport.delivery import deliver

pytestmark = pytest.mark.core

SECRET = b"of another client"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The client's folder, beside what belongs to somebody else."""
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "secret.csv").write_bytes(SECRET)
    (tmp_path / "acme" / "in").mkdir(parents=True)
    return tmp_path / "acme"


@pytest.fixture
def transport(folder: Path) -> Iterator[Transport]:
    """The folder, opened by its block."""
    with LocalFolder(path=str(folder)).connect() as opened:
        yield opened


def test_links_lead_nowhere(folder: Path, transport: Transport, tmp_path: Path) -> None:
    """No verb follows a link out of the folder, in the last step of a path or before it."""
    (folder / "in" / "a.csv").symlink_to("../../others/secret.csv")
    (folder / "outside").symlink_to("../others")
    source = tmp_path / "source"
    source.write_bytes(b"export")
    assert list(transport.list("in")) == []
    for verb in (
        lambda: transport.read("in/a.csv", tmp_path / "target"),
        lambda: transport.read("outside/secret.csv", tmp_path / "target"),
        lambda: transport.rename("in/a.csv", "in/mine.csv"),
        lambda: transport.rename("outside/secret.csv", "in/mine.csv"),
        lambda: list(transport.list("outside")),
        lambda: transport.write(source, "outside/secret.csv"),
        lambda: transport.remove("outside/secret.csv"),
        lambda: transport.make_folder("outside/new"),
        lambda: deliver(transport, source, "outside", "secret.csv"),
    ):
        with pytest.raises((FileGone, PathRefused)):
            verb()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["source"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "others").iterdir()} == {
        "secret.csv": SECRET
    }


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
def test_a_link_in_the_place_of_a_delivery_is_replaced(
    folder: Path, transport: Transport, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    """What we write never lands in a file that a link leads to."""
    link(tmp_path / "others" / "secret.csv", folder / "report.csv")
    (tmp_path / "source").write_bytes(b"export")
    transport.write(tmp_path / "source", "report.csv")
    assert (folder / "report.csv").read_bytes() == b"export"
    assert not (folder / "report.csv").is_symlink()
    assert (tmp_path / "others" / "secret.csv").read_bytes() == SECRET


@pytest.mark.timeout(10)
def test_a_pipe_is_no_file(folder: Path, transport: Transport, tmp_path: Path) -> None:
    """A pipe without a writer is passed over, and reading it does not wait."""
    os.mkfifo(folder / "in" / "a.csv")
    assert list(transport.list("in")) == []
    with pytest.raises(FileGone):
        transport.read("in/a.csv", tmp_path / "target")


@pytest.mark.timeout(10)
def test_a_file_that_became_a_pipe_is_not_waited_for(
    folder: Path, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also between a look and the reading."""
    (folder / "a.csv").write_bytes(b"x")
    seen = transport.stat("a.csv")
    (folder / "a.csv").unlink()
    os.mkfifo(folder / "a.csv")
    monkeypatch.setattr(transport, "stat", lambda _: seen)
    with pytest.raises(PathRefused):
        transport.read("a.csv", tmp_path / "target")


@pytest.mark.parametrize(
    "path", ["../others/secret.csv", "in/../../others/secret.csv", "..", "a\\b"]
)
def test_no_path_climbs(transport: Transport, path: str) -> None:
    """Steps that lead upwards are refused before anything is opened."""
    with pytest.raises(PathRefused):
        transport.stat(path)


def test_the_top_of_a_path_is_the_folder(folder: Path, transport: Transport) -> None:
    """As on a server whose user cannot leave its home, a leading slash begins in the folder."""
    (folder / "in" / "a.csv").write_bytes(b"abc")
    assert [file.name for file in transport.list("/in")] == ["a.csv"]
    assert transport.stat("/in/a.csv").size == 3


def test_a_folder_that_is_missing_may_come_back(tmp_path: Path) -> None:
    """A mount that is gone is tried again, and the error says which folder it is."""
    with pytest.raises(ServerUnavailable, match="gone") as caught:
        LocalFolder(path=str(tmp_path / "gone")).connect()
    assert caught.value.retry


def test_a_move_to_another_file_system_is_refused(
    folder: Path, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is said, and the file stays."""
    (folder / "in" / "a.csv").write_bytes(b"abc")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PathRefused, match="another file system"):
        transport.rename("in/a.csv", "done.csv")
    assert transport.stat("in/a.csv").size == 3


def test_a_full_disk_is_tried_again(
    transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room in the folder is an error that may pass, with the reason."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "source").write_bytes(b"export")
    with pytest.raises(SyncError, match="disk is full") as caught:
        transport.write(tmp_path / "source", "report.csv")
    assert caught.value.retry


@pytest.mark.parametrize("path", ["", "in", "../in", "/", "/srv/../etc"])
def test_the_block_takes_a_folder_from_the_root(path: str) -> None:
    """A relative path would depend on where a worker was started; the root is nobody's folder."""
    with pytest.raises(ValueError, match="/srv/sftp/acme"):
        LocalFolder(path=path)
