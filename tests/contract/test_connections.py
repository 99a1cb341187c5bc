"""The check of a file server, on real servers: no false findings, and nothing is left."""

import os
from pathlib import Path

import pytest

from tasks.checks.findings import Finding, to_fix
from tasks.checks.needs import Outlet, ServerNeeds
from tasks.checks.reaching import Endpoint
from tasks.checks.servers import check_server
from tasks.records.source import Source
from tests.contract.real_servers.catalogue import Server

pytestmark = pytest.mark.contract

# Those that differ: two kinds of SFTP, FTP without MLSD, with TLS, and without overwriting.
DIFFERENT = ["sshd", "proftpd-sftp", "vsftpd-ftps", "proftpd-no-overwrite", "pure-ftpd-ftps"]
on_different = pytest.mark.parametrize("running_server", DIFFERENT, indirect=True)
with_users = pytest.mark.parametrize("running_server", ["sshd", "vsftpd-ftp"], indirect=True)


def checked(server: Server, tmp_path: Path, folder: str = "") -> list[Finding]:
    """What is found where files are imported from and delivered to; nothing is left there."""
    server.plant("contacts.csv")
    for name in ("results", "imported"):
        path = server.disk / name
        path.mkdir(exist_ok=True)
        server.own(path)
    base = server.folder
    needs = ServerNeeds(
        f"{server.protocol}-server/acme",
        (Source(folder=base),),
        (
            Outlet("results", f"{base}/results", f"{base}/results", replaces=True),
            Outlet("imported files", base, f"{base}/imported"),
            Outlet("exports", folder or base, folder or base, replaces=True),
        ),
    )
    before = sorted(map(str, server.disk.rglob("*")))
    way = Endpoint(("127.0.0.1", server.port), 10, server.connect)
    findings = check_server(way, needs, tmp_path)
    assert sorted(map(str, server.disk.rglob("*"))) == before
    assert all(finding.remedy for finding in to_fix(findings))
    return findings


@on_different
def test_a_right_server_has_nothing_to_mend(server: Server, tmp_path: Path) -> None:
    """Whatever a server lacks that the agreement can do without is no fault."""
    findings = checked(server, tmp_path)
    assert to_fix(findings) == []
    found = {finding.check: (finding.verdict, finding.text) for finding in findings}
    assert found[f"list {server.folder}"] == ("ok", "1 files, 1 match '*.csv'")
    assert found["delete"] == ("ok", "the probe was deleted")
    assert found["clock"] == ("ok", "the server's clock and ours agree within a minute")
    assert found["identity"][0] == ("note" if server.protocol == "ftp" else "ok")


@pytest.mark.parametrize("running_server", ["proftpd-no-overwrite"], indirect=True)
def test_a_server_that_does_not_replace_in_one_step(server: Server, tmp_path: Path) -> None:
    """A replacement in two steps is reported: for an instant there is no file."""
    notes = [each.text for each in checked(server, tmp_path) if each.verdict == "note"]
    assert any("cannot replace a file atomically" in reported for reported in notes)


@with_users
def test_a_folder_in_which_the_user_may_not_write(server: Server, tmp_path: Path) -> None:
    """One finding, for the folder without permission; the others are checked all the same."""
    closed = server.disk / "closed"
    closed.mkdir(mode=0o755)
    os.chown(closed, 0, 0)
    findings = checked(server, tmp_path, f"{server.folder}/closed")
    (wrong,) = to_fix(findings)
    assert wrong.check == "write exports"
    assert wrong.remedy == (
        f"Ask the server's administrator for permission to write in '{server.folder}/closed'."
    )
    assert any(each.check == "write results" and each.verdict == "ok" for each in findings)


@with_users
def test_a_folder_that_the_user_may_not_read(server: Server, tmp_path: Path) -> None:
    """A folder that looks missing for lack of permission: the finding names both causes."""
    closed = server.disk / "closed"
    closed.mkdir(mode=0o700)
    os.chown(closed, 0, 0)
    base = f"{server.folder}/closed"
    needs = ServerNeeds("sftp-server/acme", (Source(folder=base),), ())
    way = Endpoint(("127.0.0.1", server.port), 10, server.connect)
    findings = check_server(way, needs, tmp_path)
    (wrong,) = to_fix(findings)
    assert wrong.check == f"list {base}"
    assert repr(base) in wrong.text
