"""The embedded file servers, the one command, and the page."""

import base64
import ftplib
import io
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
import requests

from deployments.provision import BLOCK_TYPES
from sandbox.certificates import certificates
from sandbox.file_servers import FileServer, new_key, start_ftp, start_ftps, start_sftp
from sandbox.mailup.caller import Caller
from sandbox.mailup.server import start
from sandbox.service import Ports
from sandbox.service import start as start_sandbox

START_SECONDS = 60.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "città.csv").write_text("hello")
    (tmp_path / "secret.txt").write_text("outside")
    return folder


def _ftp(host: str, port: int) -> ftplib.FTP:
    client = ftplib.FTP()  # noqa: S321 - plain FTP is what is tested, on loopback
    client.connect(host, port, timeout=5)
    return client


def _ssh(server: FileServer, **login: object) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    kind, data = server.host_key.split()
    key = paramiko.PKey.from_type_string(kind, base64.b64decode(data))
    client.get_host_keys().add(f"[{server.host}]:{server.port}", kind, key)
    client.connect(
        server.host,
        server.port,
        "acme",
        allow_agent=False,
        look_for_keys=False,
        timeout=10,
        **login,  # type: ignore[arg-type]
    )
    return client


def test_sftp_serves_its_folder_and_no_other(root: Path) -> None:
    """A password opens SFTP under the announced host key; the client cannot leave the folder."""
    with (
        start_sftp(root, username="acme", password="right") as server,
        _ssh(server, password="right") as client,
        client.open_sftp() as sftp,
    ):
        assert sftp.listdir("/") == sftp.listdir("../..") == ["città.csv"]
        with pytest.raises(FileNotFoundError):
            sftp.stat("../secret.txt")
        sftp.putfo(io.BytesIO(b"x" * 100_000), "new.part")
        sftp.posix_rename("new.part", "new.csv")
    assert (root / "new.csv").stat().st_size == 100_000


def test_sftp_opens_for_a_listed_key(root: Path, tmp_path: Path) -> None:
    """A key of authorized_keys opens SFTP without password."""
    key = new_key(tmp_path / "key")
    with (
        start_sftp(
            root, username="acme", password="right", authorized_keys=key.with_suffix(".pub")
        ) as server,
        _ssh(server, key_filename=str(key)) as client,
        client.open_sftp() as sftp,
    ):
        assert sftp.listdir() == ["città.csv"]


def test_sftp_refuses_a_wrong_password(root: Path) -> None:
    """A wrong password is an authentication failure."""
    with (
        start_sftp(root, username="acme", password="right") as server,
        pytest.raises(paramiko.AuthenticationException),
    ):
        _ssh(server, password="wrong")


def test_sftp_keeps_its_host_key(root: Path, tmp_path: Path) -> None:
    """With a key file the host key stays; without one each server has its own."""
    key = new_key(tmp_path / "host_key")
    shown = []
    for path in (key, key, None):
        with start_sftp(root, username="u", password="p", host_key=path) as server:
            shown.append(server.host_key)
    assert shown[0] == shown[1] != shown[2]


def test_a_stopped_server_answers_no_more(root: Path) -> None:
    """stop() frees the port, twice is harmless."""
    server = start_ftp(root, username="u", password="p")
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        _ftp(server.host, server.port)


@pytest.mark.parametrize("mlsd", [True, False])
def test_ftp_can_do_without_mlsd(root: Path, *, mlsd: bool) -> None:
    """With mlsd=False the server knows neither the command nor the feature."""
    with (
        start_ftp(root, username="u", password="p", mlsd=mlsd) as server,
        _ftp(server.host, server.port) as client,
    ):
        client.login("u", "p")
        assert ("MLST" in client.sendcmd("FEAT")) is mlsd
        assert client.nlst() == ["città.csv"]
        if not mlsd:
            with pytest.raises(ftplib.error_perm):
                list(client.mlsd())


def test_ftp_can_announce_a_wrong_address(root: Path) -> None:
    """masquerade_address is what PASV answers."""
    with (
        start_ftp(root, username="u", password="p", masquerade_address="192.0.2.1") as server,
        _ftp(server.host, server.port) as client,
    ):
        client.login("u", "p")
        assert "192,0,2,1" in client.sendcmd("PASV")


def test_explicit_ftps_requires_tls(root: Path, tmp_path: Path) -> None:
    """Log-in in clear text is refused; with AUTH TLS and PROT P files travel."""
    made = certificates(tmp_path / "tls")
    context = ssl.create_default_context(cafile=str(made.authority))
    with start_ftps(
        root,
        username="u",
        password="p",
        certificate=made.certificate,
        private_key=made.private_key,
    ) as server:
        with _ftp(server.host, server.port) as plain, pytest.raises(ftplib.error_perm):
            plain.login("u", "p")
        with ftplib.FTP_TLS(context=context) as client:  # noqa: S321 - on loopback
            client.connect(server.host, server.port, timeout=5)
            client.login("u", "p")
            client.prot_p()
            client.storbinary("STOR up.csv", io.BytesIO(b"hello"))
    assert (root / "up.csv").read_bytes() == b"hello"


def test_implicit_ftps_speaks_tls_at_once(root: Path, tmp_path: Path) -> None:
    """With implicit=True the greeting comes inside TLS."""
    made = certificates(tmp_path / "tls")
    context = ssl.create_default_context(cafile=str(made.authority))
    with (
        start_ftps(
            root,
            username="u",
            password="p",
            certificate=made.certificate,
            private_key=made.private_key,
            implicit=True,
        ) as server,
        socket.create_connection((server.host, server.port), 5) as bare,
        context.wrap_socket(bare, server_hostname=server.host) as secure,
    ):
        assert secure.recv(100).startswith(b"220")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    home = tmp_path / "home"
    command = [sys.executable, "-m", "sandbox", "--home", str(home), "--calls-per-second", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        description = home / "sandbox.json"
        deadline = time.monotonic() + START_SECONDS
        while not description.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, description
        process.kill()


def test_one_command_starts_everything_and_stops_cleanly(
    running: tuple[subprocess.Popen[str], Path],
) -> None:
    """The command describes what listens, serves it, and ends with 0 on SIGTERM."""
    process, description = running
    facts = json.loads(description.read_text())
    assert facts["sftp"]["host_key"].startswith("ssh-ed25519 AAAA")
    with _ftp(facts["ftp"]["host"], facts["ftp"]["port"]) as client:
        client.login(facts["ftp"]["username"], facts["ftp"]["password"])
        assert sorted(client.nlst()) == ["incoming", "outgoing"]
    assert "Newsletter Italia" in requests.get(facts["page"], timeout=10).text
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert facts["mailup"]["token_url"] in printed
    assert not description.exists()


def test_the_sandbox_keeps_its_ports_and_describes_its_blocks(tmp_path: Path) -> None:
    """A block that was saved is right after a restart, too; one file has all blocks for a pipe."""
    with start_sandbox(tmp_path) as first:
        before = first.addresses
    with start_sandbox(tmp_path) as again:
        assert again.addresses == before
        blocks = json.loads((tmp_path / "blocks.json").read_text())
    swapped = Ports(ftp=before["ftps"]["port"], ftps=before["ftp"]["port"])
    with start_sandbox(tmp_path, swapped) as moved:
        assert moved.addresses["sftp"] == before["sftp"]
        assert moved.addresses["ftp"]["port"] == swapped.ftp
    for reference, values in blocks.items():
        assert set(values) <= set(BLOCK_TYPES[reference.partition("/")[0]].model_fields)
        BLOCK_TYPES[reference.partition("/")[0]](**values)
    assert len(blocks) == 4


def test_the_page_shows_what_arrived(tmp_path: Path) -> None:
    """The page lists imports and recipients, finds what is searched, and escapes what it shows."""
    with start(tmp_path, import_seconds=0, calls_per_second=0) as emulator:
        caller = Caller(emulator)
        person = {"Email": "anna@example.it", "Fields": [{"Id": 1, "Value": "<b>Anna</b>"}]}
        caller.import_all("/Console/List/2/Recipients", [person])
        shown = requests.get(f"{emulator.base_url}/?list=2", timeout=10).text
        found = requests.get(f"{emulator.base_url}/?list=2&q=nobody-at-all", timeout=10).text
    assert "&lt;b&gt;Anna" in shown
    assert "<b>Anna" not in shown
    assert "anna@example.it" not in found
