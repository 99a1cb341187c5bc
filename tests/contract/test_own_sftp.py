"""A client without a server: OpenSSH on our machine takes its files, and the folder is read."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from blocks.errors import FileGone, PathRefused
from blocks.local_folders import LocalFolder
from blocks.sftp_servers import SftpServer
from blocks.transport.delivery import deliver
from tests.contract.real_servers.machine import (
    SystemUser,
    free_ports,
    need,
    run,
    running,
    throwaway_user,
)

pytestmark = pytest.mark.contract

RECIPE = Path(__file__).parents[2] / "docs" / "running-anywhere.md"
PLACES = Path("/var/lib")
"""sshd wants every folder above a client's to be root's own."""


@pytest.fixture(scope="module")
def user() -> Iterator[SystemUser]:
    """The client's user on our machine."""
    with throwaway_user() as made:
        yield made


@pytest.fixture(scope="module")
def home(user: SystemUser) -> Iterator[Path]:
    """The client's folder: root's at the top, with two folders of the client's own."""
    home = PLACES / user.name
    for name in ("in", "out"):
        (home / name).mkdir(parents=True)
        os.chown(home / name, user.uid, user.gid)
    yield home
    run("rm", "-r", "--one-file-system", str(home))


@pytest.fixture(scope="module")
def theirs(
    tmp_path_factory: pytest.TempPathFactory, user: SystemUser, home: Path
) -> Iterator[SftpServer]:
    """The SFTP server of the client's folder, with the documented configuration of sshd."""
    program = need("sshd")
    Path("/run/sshd").mkdir(exist_ok=True)
    folder = PLACES / f"{user.name}-keys"
    folder.mkdir()
    key = ed25519.Ed25519PrivateKey.generate()
    (folder / user.name).write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host"))
    port = free_ports(1)[0]
    configuration = folder / "sshd_config"
    own = f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile {folder}/pid\n"
    configuration.write_text(own + _documented(folder, home, user), encoding="utf-8")
    try:
        log = tmp_path_factory.mktemp("sshd") / "log"
        with running([program, "-D", "-e", "-f", str(configuration)], port, log):
            yield SftpServer(
                host="127.0.0.1",
                port=port,
                username=user.name,
                private_key=private.decode(),
                host_key=(folder / "host.pub").read_text(encoding="utf-8"),
            )
    finally:
        run("rm", "-r", "--one-file-system", str(folder))


def _documented(keys: Path, home: Path, user: SystemUser) -> str:
    """The recipe's lines, with the places of this test."""
    text = RECIPE.read_text(encoding="utf-8").partition("```sshd\n")[2].partition("```")[0]
    assert text
    for documented, here in (
        ("/etc/ssh/sftp-keys/%u", f"{keys}/%u"),
        ("/srv/sftp/%u", str(home)),
        ("Group sftp-clients", f"User {user.name}"),
    ):
        assert documented in text
        text = text.replace(documented, here)
    return text


def test_files_go_both_ways(theirs: SftpServer, home: Path, tmp_path: Path) -> None:
    """What the client uploads is read, moved and answered, and the client fetches the answer."""
    (tmp_path / "contacts.csv").write_bytes(b"email\nanna@example.it\n")
    with theirs.connect() as client:
        deliver(client, tmp_path / "contacts.csv", "in", "contacts.csv")
    with LocalFolder(path=str(home)).connect() as ours:
        assert [file.name for file in ours.list("in")] == ["contacts.csv"]
        assert ours.read("in/contacts.csv", tmp_path / "fetched") == 22
        ours.make_folder("in/done")
        ours.rename("in/contacts.csv", "in/done/contacts.csv")
        deliver(ours, tmp_path / "fetched", "out", "rejects.csv")
    with theirs.connect() as client:
        assert [file.name for file in client.list("in/done")] == ["contacts.csv"]
        assert client.read("out/rejects.csv", tmp_path / "answer") == 22


def test_a_client_reaches_nothing_else(theirs: SftpServer, home: Path, tmp_path: Path) -> None:
    """The client sees its own folder alone, and a link that it makes is not followed by us."""
    with theirs.connect() as client:
        with pytest.raises((FileGone, PathRefused)):
            client.stat("/etc/passwd")
        with pytest.raises(PathRefused):
            client.make_folder("elsewhere")
    (home / "in" / "passwd.csv").symlink_to("/etc/passwd")
    with LocalFolder(path=str(home)).connect() as ours:
        assert "passwd.csv" not in {file.name for file in ours.list("in")}
        with pytest.raises((FileGone, PathRefused)):
            ours.read("in/passwd.csv", tmp_path / "target")
