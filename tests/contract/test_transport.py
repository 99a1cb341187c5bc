"""The contract of `Transport`: the same suite on every server."""

import hashlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.errors import ConfigurationError, FileGone, FileHeld, LoginRefused, PathRefused
from blocks.transport import names
from blocks.transport.arrival import stable_files
from blocks.transport.base import Transport
from blocks.transport.delivery import deliver
from tests.contract.real_servers.catalogue import Server
from tests.contract.real_servers.fleet import REAL_SERVERS, over_a_network

pytestmark = pytest.mark.contract

NAMES = [
    "contatti à è 2024.csv",
    'l\'elenco "nuovo".csv',
    "a  b;c&d$e`f.csv",
    "[x]*?.csv",
    "-l.csv",
    "ｆｕｌｌ 日本.csv",
    "100%.csv",
]
CONTROL_NAMES = [b"a\nb.csv", b"a\rb.csv", b"tab\t.csv", b"esc\x1b.csv", b"csi\xc2\x9b.csv"]


def listed(transport: Transport, folder: str) -> dict[str, int]:
    """Names and sizes of a folder."""
    return {file.name: file.size for file in transport.list(folder)}


def local(tmp_path: Path, content: bytes) -> Path:
    """A local file to upload."""
    path = tmp_path / "source"
    path.write_bytes(content)
    return path


def test_round_trip(server: Server, tmp_path: Path) -> None:
    """What is written comes back byte by byte, with the size announced everywhere."""
    content = os.urandom(3_000_001)
    with server.connect() as transport:
        path = names.join_checked(server.folder, "data.bin")
        assert transport.write(local(tmp_path, content), path) == len(content)
        assert listed(transport, server.folder) == {"data.bin": len(content)}
        assert transport.stat(path).size == len(content)
        assert transport.read(path, tmp_path / "target") == len(content)
    assert hashlib.sha256((tmp_path / "target").read_bytes()).digest() == (
        hashlib.sha256(content).digest()
    )
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["source", "target"]


def test_empty_file_and_empty_folder(server: Server, tmp_path: Path) -> None:
    """An empty folder and an empty file are valid."""
    with server.connect() as transport:
        assert listed(transport, server.folder) == {}
        path = names.join_checked(server.folder, "empty.csv")
        assert transport.write(local(tmp_path, b""), path) == 0
        assert listed(transport, server.folder) == {"empty.csv": 0}
        assert transport.read(path, tmp_path / "target") == 0
    assert (tmp_path / "target").read_bytes() == b""


@pytest.mark.parametrize("name", NAMES)
def test_names_that_people_write(server: Server, tmp_path: Path, name: str) -> None:
    """Every operation keeps spaces, umlauts, quotes, shell and pattern characters in names."""
    with server.connect() as transport:
        path = names.join_checked(server.folder, name)
        transport.write(local(tmp_path, b"content"), path)
        assert (server.disk / name).read_bytes() == b"content"
        assert listed(transport, server.folder) == {name: 7}
        assert transport.stat(path).size == 7
        assert transport.read(path, tmp_path / "target") == 7
        transport.rename(path, names.join_checked(server.folder, "x" + name))
        assert listed(transport, server.folder) == {"x" + name: 7}
        transport.remove(names.join_checked(server.folder, "x" + name))
        assert listed(transport, server.folder) == {}


def test_name_in_another_encoding(server: Server, tmp_path: Path) -> None:
    """A Latin-1 name on a UTF-8 server is fetched under its name, or not at all."""
    server.plant("città.csv".encode("latin-1"), b"content")
    with server.connect() as transport:
        for name in listed(transport, server.folder):
            path = names.join_checked(server.folder, name)
            if name == "città.csv":
                assert transport.read(path, tmp_path / "target") == 7
            else:  # the server spelt it in a way that it does not take back itself
                with pytest.raises((FileGone, PathRefused)):
                    transport.read(path, tmp_path / "target")


def test_names_with_control_characters(server: Server) -> None:
    """No listed name carries control characters, and none leads to a file of such a name."""
    for name in CONTROL_NAMES:
        server.plant(name)
    server.plant("good.csv")
    with server.connect() as transport:
        found = listed(transport, server.folder)
        assert found.pop("good.csv") == 1
        for name in found:
            assert names.is_legal_name(name)
            with pytest.raises(FileGone):
                transport.stat(names.join_checked(server.folder, name))
        assert transport.skipped + len(found) > 0


@pytest.mark.parametrize("step", ["x\r\nDELE good.csv", "x\nDELE good.csv", "x\0", "..", "a\\b"])
def test_no_verb_takes_an_illegal_path(server: Server, tmp_path: Path, step: str) -> None:
    """A line break in a path is not a second command, and `..` is refused."""
    server.plant("good.csv")
    path = f"{server.folder}/{step}"
    with server.connect() as transport:
        for call in (
            lambda: transport.list(path),
            lambda: transport.stat(path),
            lambda: transport.read(path, tmp_path / "target"),
            lambda: transport.write(local(tmp_path, b"x"), path),
            lambda: transport.rename(path, f"{server.folder}/y"),
            lambda: transport.rename(f"{server.folder}/good.csv", path),
            lambda: transport.remove(path),
            lambda: transport.make_folder(path),
        ):
            with pytest.raises(PathRefused):
                call()
        assert listed(transport, server.folder) == {"good.csv": 1}


def test_folder_of_ten_thousand_files(server: Server) -> None:
    """A large folder is listed completely, within seconds."""
    crowd = server.root / "crowd"
    if not crowd.exists():  # several servers look at the same disk
        crowd.mkdir()
        first = crowd / "00000.csv"
        first.write_bytes(b"xy")
        for number in range(1, 10_000):
            (crowd / f"{number:05}.csv").hardlink_to(first)
    started = time.monotonic()
    with server.connect() as transport:
        files = [*transport.list("crowd")]
    assert time.monotonic() - started < 20
    assert sorted(file.name for file in files) == [f"{n:05}.csv" for n in range(10_000)]
    assert {file.size for file in files} == {2}


def test_times_are_utc(server: Server) -> None:
    """Exact times of a server are UTC, whatever the local zone."""
    moment = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
    planted = server.plant("old.csv")
    os.utime(planted, (moment.timestamp(), moment.timestamp()))
    with server.connect() as transport:
        assert transport.abilities.modified_times is server.has_mlsd
        if transport.abilities.modified_times:
            assert next(transport.list(server.folder)).modified_at == moment
        if not server.knows_only_rfc_959:
            assert transport.stat(f"{server.folder}/old.csv").modified_at == moment


def test_files_only(server: Server) -> None:
    """Folders are not files; a link counts as what it leads to, or not at all."""
    (server.disk / "folder").mkdir()
    server.plant("file.csv", b"content")
    (server.disk / "link.csv").symlink_to("file.csv")
    (server.disk / "link-to-folder").symlink_to("folder")
    (server.disk / "link-to-nothing").symlink_to("nothing")
    with server.connect() as transport:
        links = {"link.csv": 7} if server.follows_links else {}
        assert listed(transport, server.folder) == {"file.csv": 7, **links}
        for name in ("folder", "link-to-folder", "link-to-nothing"):
            with pytest.raises(FileGone):
                transport.stat(f"{server.folder}/{name}")


def test_rename_keeps_what_exists(server: Server) -> None:
    """A rename does not replace a file by accident, and does so in one go when asked."""
    server.plant("old.csv", b"old")
    server.plant("new.csv", b"newer")
    old, new = f"{server.folder}/old.csv", f"{server.folder}/new.csv"
    with server.connect() as transport:
        with pytest.raises(PathRefused, match="a file of that name exists"):
            transport.rename(old, new)
        assert listed(transport, server.folder) == {"old.csv": 3, "new.csv": 5}
        transport.rename(old, new, replace=True)
        assert listed(transport, server.folder) == {"new.csv": 3}


def test_move_to_another_folder(server: Server) -> None:
    """A file moves between folders; making a folder twice, and deep, is no error."""
    server.plant("a.csv")
    archive = f"{server.folder}/done/2026 März"
    with server.connect() as transport:
        transport.make_folder(archive)
        transport.make_folder(archive)
        transport.rename(f"{server.folder}/a.csv", f"{archive}/a.csv")
        assert listed(transport, server.folder) == {}
        assert listed(transport, archive) == {"a.csv": 1}
        with pytest.raises(PathRefused):
            transport.make_folder(f"{archive}/a.csv")


def test_what_is_missing(server: Server, tmp_path: Path) -> None:
    """A missing file is FileGone, a missing folder PathRefused, and nothing is left here."""
    gone, source = f"{server.folder}/gone.csv", local(tmp_path, b"x")
    server.plant("here.csv")
    with server.connect() as transport:
        for call in (
            lambda: transport.stat(gone),
            lambda: transport.read(gone, tmp_path / "target"),
            lambda: transport.remove(gone),
            lambda: transport.rename(gone, f"{server.folder}/other.csv"),
            lambda: transport.rename(gone, f"{server.folder}/other.csv", replace=True),
        ):
            with pytest.raises(FileGone):
                call()
        for call in (
            lambda: transport.list(f"{server.folder}/nowhere"),
            lambda: transport.write(source, f"{server.folder}/nowhere/x.csv"),
            lambda: transport.rename(f"{server.folder}/here.csv", f"{server.folder}/nowhere/x"),
        ):
            with pytest.raises(PathRefused):
                call()
        assert listed(transport, server.folder) == {"here.csv": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("running_server", REAL_SERVERS, indirect=True)
def test_what_is_forbidden(server: Server, tmp_path: Path) -> None:
    """A file that the user may not read ends as a wrong setting, and leaves no local file."""
    planted = server.plant("secret.csv")
    os.chown(planted, 0, 0)
    planted.chmod(0o600)
    with server.connect() as transport:
        with pytest.raises((PathRefused, FileGone)):
            transport.read(f"{server.folder}/secret.csv", tmp_path / "target")
        os.chown(server.disk, 0, 0)
        server.plant("readable.csv")
        for call in (
            lambda: transport.remove(f"{server.folder}/readable.csv"),
            lambda: transport.rename(f"{server.folder}/readable.csv", "taken.csv"),
            lambda: transport.write(local(tmp_path, b"x"), f"{server.folder}/new.csv"),
            lambda: transport.make_folder(f"{server.folder}/new"),
        ):
            with pytest.raises(PathRefused):
                call()
    assert [entry.name for entry in tmp_path.iterdir()] == ["source"]


@over_a_network
def test_wrong_password(server: Server) -> None:
    """A wrong password is refused at once as such, and is nowhere in the error."""
    with pytest.raises(LoginRefused) as caught:
        server.connect(password="Wr0ng-pässword")
    assert isinstance(caught.value, ConfigurationError)
    assert not caught.value.retry
    assert "Wr0ng" not in f"{caught.value!r}{caught.value.context}{caught.value.__cause__}"


def test_delivery_replaces_and_repeats(server: Server, tmp_path: Path) -> None:
    """A delivered file stands whole under its name, alone; delivering again changes nothing."""
    server.plant("report.csv", b"of yesterday")
    source = local(tmp_path, b"of today")
    with server.connect() as transport:
        for _ in range(2):
            assert deliver(transport, source, server.folder, "report.csv").size == 8
            assert (server.disk / "report.csv").read_bytes() == b"of today"
    assert [entry.name for entry in server.disk.iterdir()] == ["report.csv"]


def test_delivery_over_leftovers(server: Server, tmp_path: Path) -> None:
    """What an interrupted delivery left under the temporary name does not stay."""
    server.plant(names.temporary_name("report.csv"), b"half of a longer file")
    with server.connect() as transport:
        deliver(transport, local(tmp_path, b"whole"), server.folder, "report.csv")
    assert [entry.name for entry in server.disk.iterdir()] == ["report.csv"]
    assert (server.disk / "report.csv").read_bytes() == b"whole"


def test_files_that_are_not_complete(server: Server) -> None:
    """Skipped: a file that grows, one that vanishes, one with a name of unfinished files."""
    for name in ("stable.csv", "growing.csv", "vanishing.csv", "half.csv.part"):
        server.plant(name)

    def meanwhile(_seconds: float) -> None:
        server.plant("growing.csv", b"more of it")
        server.plant("new.csv")
        (server.disk / "vanishing.csv").unlink()

    with server.connect() as transport:
        first = [*transport.list(server.folder)]
        found = stable_files(transport, server.folder, first, wait_seconds=5, sleep=meanwhile)
    assert [file.name for file in found] == ["stable.csv"]


def test_minimum_age(server: Server) -> None:
    """A too recent file is skipped, also with imprecise times; a future date gives no age."""
    ages = {"young.csv": 5, "old.csv": 3600, "clock-ahead.csv": -3600, "dated.csv": -5 * 86_400}
    for name, age in ages.items():
        moment = time.time() - age
        os.utime(server.plant(name), (moment, moment))
    with server.connect() as transport:
        found = stable_files(
            transport,
            server.folder,
            [*transport.list(server.folder)],
            wait_seconds=0,
            minimum_age_seconds=60,
        )
    expected = {"old.csv", "dated.csv"} if not server.knows_only_rfc_959 else set(ages)
    assert {file.name for file in found} == expected


def test_file_that_grew_since_the_look(server: Server, tmp_path: Path) -> None:
    """A file of another size than looked at is held, and nothing arrives here."""
    server.plant("a.csv", b"more than before")
    with server.connect() as transport:
        with pytest.raises(FileHeld) as caught:
            transport.read(f"{server.folder}/a.csv", tmp_path / "target", size=4)
        assert caught.value.context["reason"] == "changed"
        assert transport.read(f"{server.folder}/a.csv", tmp_path / "target", size=16) == 16
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]
