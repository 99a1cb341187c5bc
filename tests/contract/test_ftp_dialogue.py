"""The commands to an FTP server: each one is a round trip."""

import ftplib
from pathlib import Path

import pytest

from blocks.transport import names
from tests.contract.real_servers.catalogue import Server

pytestmark = [
    pytest.mark.contract,
    pytest.mark.parametrize("running_server", ["vsftpd-ftp"], indirect=True),
]

LOGIN = ["USER", "PASS", "FEAT", "TYPE"]
DATA = ["EPSV"]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands of all control connections, without what follows them."""
    commands: list[str] = []
    send = ftplib.FTP.putline

    def putline(self: ftplib.FTP, line: str) -> None:
        commands.append(line.split()[0])
        send(self, line)

    monkeypatch.setattr(ftplib.FTP, "putline", putline)
    return commands


def test_a_transfer_costs_few_round_trips(server: Server, tmp_path: Path, said: list[str]) -> None:
    """Upload: the size afterwards. Download: size and time, before and after. Nothing else."""
    path, local = names.join_checked(server.folder, "contacts.csv"), tmp_path / "contacts.csv"
    local.write_bytes(b"x" * 1000)
    with server.connect() as there:
        there.write(local, path)
    assert said == [*LOGIN, *DATA, "STOR", "SIZE", "QUIT"]
    said.clear()
    with server.connect() as there:
        there.read(path, local)
    look = ["SIZE", "MDTM"]
    assert said == [*LOGIN, *look, *DATA, "RETR", *look, "QUIT"]


def test_utf8_is_asked_for_before_the_first_name_in_it(
    server: Server, tmp_path: Path, said: list[str]
) -> None:
    """Some servers need a command: once, before a name that is not ASCII, or before a listing."""
    local = tmp_path / "contacts.csv"
    local.write_bytes(b"x")
    with server.connect() as there:
        there.write(local, names.join_checked(server.folder, "città.csv"))
        assert [file.name for file in there.list(server.folder)] == ["città.csv"]
    assert said[4:7] == ["OPTS", *DATA, "STOR"]
    assert said.count("OPTS") == 1
    said.clear()
    with server.connect() as there:
        assert [file.name for file in there.list(server.folder)] == ["città.csv"]
    assert said[4:7] == ["OPTS", "PWD", "CWD"]
