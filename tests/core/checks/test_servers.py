"""Findings of a file server check, on embedded servers; it leaves nothing there."""

import datetime
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from blocks.transport.base import Transport
from blocks.transport.ftp.adapter import FtpTransport
from blocks.transport.ftp.session import FtpSettings
from blocks.transport.sftp.adapter import SftpTransport
from blocks.transport.sftp.session import SftpSettings
from blocks.transport.timeouts import Timeouts
from sandbox.file_servers import FileServer, start_ftp, start_ftps, start_sftp
from tasks.checks.findings import Finding, to_fix
from tasks.checks.needs import AutoEncoding, Outlet, ServerNeeds
from tasks.checks.reaching import Endpoint
from tasks.checks.servers import check_server
from tasks.records.reading.unpack import Unpacking
from tasks.records.source import Source

pytestmark = pytest.mark.core

TIMEOUTS = Timeouts(connect=10, read=10, transfer=30)
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
NEEDS = ServerNeeds(
    "sftp-server/acme",
    (Source(folder="in"),),
    (
        Outlet("results", "in/results", "in/results", replaces=True),
        Outlet("imported files", "in", "in/imported"),
        Outlet("exports", "out", "out", replaces=True),
    ),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The client's folders, with one file to import and one that is none."""
    for folder in ("in/results", "in/imported", "out"):
        (tmp_path / "files" / folder).mkdir(parents=True)
    (tmp_path / "files" / "in" / "contacts.csv").write_bytes(b"email\n")
    (tmp_path / "files" / "in" / "readme.txt").write_bytes(b"x")
    return tmp_path / "files"


@pytest.fixture
def sftp(root: Path) -> Iterator[SftpSettings]:
    """The right settings for an SFTP server."""
    with start_sftp(root, username="acme", password="secret") as server:
        yield SftpSettings(
            server.host, server.port, "acme", "secret",
            host_key=server.host_key, timeouts=TIMEOUTS,
        )  # fmt: skip


def sftp_way(settings: SftpSettings, kind: type[SftpTransport] = SftpTransport) -> Endpoint:
    return Endpoint((settings.host, settings.port), 5, lambda: kind(settings))


def ftp_way(server: FileServer, **settings: object) -> Endpoint:
    known = FtpSettings(server.host, server.port, "acme", "secret", timeouts=TIMEOUTS)
    changed = replace(known, **settings)  # type: ignore[arg-type]
    return Endpoint((changed.host, changed.port), 5, lambda: FtpTransport(changed))


def checked(way: Endpoint, tmp_path: Path, needs: ServerNeeds = NEEDS) -> list[Finding]:
    """What is found; the server's files are the same afterwards."""
    before = tree(tmp_path)
    (tmp_path / "scratch").mkdir(exist_ok=True)
    findings = check_server(way, needs, tmp_path / "scratch")
    assert tree(tmp_path) == before
    assert all(finding.remedy for finding in to_fix(findings))
    return findings


def tree(tmp_path: Path) -> list[str]:
    return sorted(str(path) for path in (tmp_path / "files").rglob("*"))


def the_one(findings: list[Finding]) -> Finding:
    """The only finding to fix."""
    (found,) = to_fix(findings)
    return found


def test_all_is_well(sftp: SftpSettings, tmp_path: Path) -> None:
    """A correct server has only good findings, each check is reported, and nothing is left."""
    findings = checked(sftp_way(sftp), tmp_path)
    assert {finding.verdict for finding in findings} == {"ok"}
    checks = {finding.check: finding.text for finding in findings}
    assert checks["list in"] == "2 files, 1 match '*.csv'"
    assert "ssh-ed25519 SHA256:" in checks["identity"]
    assert {"write results", "write imported files", "write exports", "delete"} <= set(checks)
    assert "agree" in checks["clock"]


def test_folders_that_a_run_makes_are_no_fault(
    sftp: SftpSettings, root: Path, tmp_path: Path
) -> None:
    """A new client has no results folder: the probe is written where it will be made."""
    for folder in ("in/results", "in/imported", "out"):
        (root / folder).rmdir()
    findings = checked(sftp_way(sftp), tmp_path)
    assert to_fix(findings) == []
    notes = [finding.text for finding in findings if finding.verdict == "note"]
    assert len(notes) == 3
    assert "probe was written to 'in'" in notes[0]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.mark.parametrize(
    ("changes", "check", "expected", "remedy"),
    [
        ({"host": "no-such-host.invalid"}, "name", "cannot be resolved", "Correct host"),
        ({"host": "no..host"}, "name", "cannot be resolved", "Correct host"),
        ({"port": free_port()}, "connect", "nothing listens", "firewall"),
        ({"host_key": OTHER_KEY}, "identity", "not the pinned host_key", "through another channel"),
        ({"password": "wrong"}, "login", "refuses this user name", "Correct user name, password"),
        ({"private_key": "no key"}, "login", "private_key", "Correct the settings"),
    ],
    ids=["wrong host", "no name", "port closed", "wrong host key", "wrong password", "broken key"],
)
def test_a_server_that_is_not_reached_is_one_finding(
    sftp: SftpSettings,
    tmp_path: Path,
    changes: dict[str, object],
    check: str,
    expected: str,
    remedy: str,
) -> None:
    """Checks that depend on the log-in are not reported as further faults."""
    found = the_one(checked(sftp_way(replace(sftp, **changes)), tmp_path))
    assert found.check == check
    assert expected in found.text
    assert remedy in found.remedy


def test_a_server_of_another_kind_is_named(sftp: SftpSettings, root: Path, tmp_path: Path) -> None:
    """An FTP block on an SFTP port would wait for a minute, and say no more than time-out."""
    with start_ftp(root, username="acme", password="secret") as server:
        ftp = replace(ftp_way(server, port=sftp.port), protocol="ftp")
        assert "is an SFTP server" in the_one(checked(ftp, tmp_path)).text
        changed = replace(sftp_way(replace(sftp, port=server.port)), protocol="sftp")
        assert "is an FTP server" in the_one(checked(changed, tmp_path)).text
        right = replace(sftp_way(sftp), protocol="sftp")
        assert to_fix(checked(right, tmp_path)) == []


def test_a_certificate_of_an_unknown_authority_says_what_to_enter(
    root: Path, tmp_path: Path
) -> None:
    """Without a pinned host key the finding does not say that it has changed."""
    issued = trustme.CA().issue_cert("127.0.0.1")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    with start_ftps(
        root, username="acme", password="secret", certificate=certificate, private_key=key
    ) as server:
        found = the_one(checked(ftp_way(server, tls="explicit"), tmp_path))
    assert "not signed by an authority" in found.text and "ca_certificate" in found.remedy


def test_a_host_key_that_nobody_compares_is_shown(sftp: SftpSettings, tmp_path: Path) -> None:
    """With verification off, the finding has the host key for the block."""
    unverified = replace(sftp, host_key=None, verify_host_key=False)
    findings = checked(sftp_way(unverified), tmp_path)
    note = next(finding for finding in findings if finding.check == "identity")
    assert note.verdict == "note"
    assert "SHA256:" in note.text
    assert "host_key" in note.remedy


def test_a_missing_source_folder_is_one_finding(sftp: SftpSettings, tmp_path: Path) -> None:
    """The other folders are checked all the same."""
    needs = replace(
        NEEDS,
        inboxes=(Source(folder="inn"),),
        outlets=(Outlet("imported files", "inn", "inn/imported"), NEEDS.outlets[2]),
    )
    findings = checked(sftp_way(sftp), tmp_path, needs)
    assert the_one(findings).check == "list inn"
    assert "folder does not exist" in the_one(findings).text
    assert not any(each.check == "write imported files" for each in findings)
    assert any(each.check == "write exports" and each.verdict == "ok" for each in findings)


@pytest.mark.parametrize(
    ("permissions", "expected", "remedy"),
    [
        ("elr", "550", "write in 'out'"),
        ("elradmw", "not renamed", "publishing.publish to 'direct'"),
    ],
    ids=["no writing", "no renaming"],
)
def test_what_an_ftp_server_forbids(
    root: Path, tmp_path: Path, permissions: str, expected: str, remedy: str
) -> None:
    """Each ability that a delivery needs is tried, and the finding has a remedy."""
    needs = replace(NEEDS, inboxes=(), outlets=(NEEDS.outlets[2],))
    with start_ftp(root, username="acme", password="secret", permissions=permissions) as server:
        found = the_one(checked(ftp_way(server), tmp_path, needs))
    assert found.check == "write exports"
    assert expected in found.text
    assert remedy in found.remedy


def test_a_probe_that_cannot_be_deleted_is_reported_by_its_name(root: Path, tmp_path: Path) -> None:
    """Its name is reported only if somebody has to delete it."""
    needs = replace(NEEDS, inboxes=(), outlets=(replace(NEEDS.outlets[2], replaces=False),))
    (tmp_path / "scratch").mkdir()
    with start_ftp(root, username="acme", password="secret", permissions="elrafmw") as server:
        found = the_one(check_server(ftp_way(server), needs, tmp_path / "scratch"))
    (left,) = (root / "out").iterdir()
    assert found.check == "delete"
    assert f"'out/{left.name}'" in found.remedy
    assert left.name.startswith(".mailup-connection-check-")


def test_where_files_are_neither_renamed_nor_replaced_no_probe_is_risked(
    root: Path, tmp_path: Path
) -> None:
    """A drop box that forbids deleting would keep the probe, so none is written."""
    needs = replace(
        NEEDS, inboxes=(), outlets=(Outlet("exports", "out", "out", renames=False, tries=False),)
    )
    with start_ftp(root, username="acme", password="secret", permissions="elrw") as server:
        findings = checked(ftp_way(server), tmp_path, needs)
    assert to_fix(findings) == []
    assert any("no probe was written to" in finding.text for finding in findings)


def test_direct_publishing_needs_no_rename(root: Path, tmp_path: Path) -> None:
    """What the agreement does not need is not tried."""
    needs = replace(
        NEEDS, inboxes=(), outlets=(Outlet("exports", "out", "out", renames=False, replaces=True),)
    )
    with start_ftp(root, username="acme", password="secret", permissions="elrdw") as server:
        assert to_fix(checked(ftp_way(server), tmp_path, needs)) == []


def test_plain_ftp_is_pointed_out(root: Path, tmp_path: Path) -> None:
    """A connection without TLS is a note: the password can be read on the way."""
    with start_ftp(root, username="acme", password="secret") as server:
        findings = checked(ftp_way(server), tmp_path)
    assert to_fix(findings) == []
    assert any(each.check == "identity" and "password" in each.text for each in findings)


@pytest.mark.parametrize(("days", "verdict"), [(90, "ok"), (20, "note"), (3, "fix"), (-3, "fix")])
def test_a_certificate_is_reported_before_it_expires(
    root: Path, tmp_path: Path, days: int, verdict: str
) -> None:
    """A month before the day it is a note, a week before a finding to fix, after it an error."""
    authority = trustme.CA()
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days, hours=1)
    issued = authority.issue_cert("127.0.0.1", not_after=end)
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    with start_ftps(
        root, username="acme", password="secret", certificate=certificate, private_key=key
    ) as server:
        way = ftp_way(server, tls="explicit", ca_certificate=authority.cert_pem.bytes().decode())
        findings = checked(way, tmp_path)
    found = next(finding for finding in findings if finding.check == "identity")
    assert found.verdict == verdict
    assert ("expired" if days < 0 else f"{days} days from now") in found.text
    # A certificate that will expire is no reason not to look at the rest.
    assert any(each.check == "write exports" for each in findings) == (days > 0)


def test_a_server_without_exact_times_is_reported(root: Path, tmp_path: Path) -> None:
    """If clocks cannot be compared, the finding says so."""
    with start_ftp(root, username="acme", password="secret", mlsd=False) as server:

        def connect() -> Transport:
            transport = ftp_way(server).connect()
            assert isinstance(transport, FtpTransport)
            transport._features -= {"MDTM"}
            return transport

        findings = checked(replace(ftp_way(server), connect=connect), tmp_path)
    clock = next(finding for finding in findings if finding.check == "clock")
    assert clock.verdict == "note"
    assert "no exact time" in clock.text


class Skewed(SftpTransport):
    """A server whose clock is ten minutes fast."""

    def write(self, source: Path, path: str) -> int:
        size = super().write(source, path)
        later = datetime.datetime.now(datetime.UTC).timestamp() + 600
        self._client.utime(path, (later, later))
        return size


@pytest.mark.parametrize(("minimum_age", "verdict"), [(0, "note"), (60, "fix")])
def test_clocks_matter_where_ages_are_read(
    sftp: SftpSettings, tmp_path: Path, minimum_age: int, verdict: str
) -> None:
    """A fast clock has to be fixed only if files need a minimum age."""
    inbox = Source(folder="in", minimum_age_seconds=minimum_age)
    needs = replace(NEEDS, inboxes=(inbox,))
    findings = checked(sftp_way(sftp, Skewed), tmp_path, needs)
    clock = next(finding for finding in findings if finding.check == "clock")
    assert clock.verdict == verdict
    assert re.search(r"(599|600|601) s ahead", clock.text)


class Interrupted(SftpTransport):
    """A connection that breaks when a probe gets its name among the results."""

    def rename(self, old: str, new: str, *, replace: bool = False) -> None:
        if new.startswith("in/results/"):
            self.close()
        super().rename(old, new, replace=replace)


def test_the_probe_is_taken_away_after_a_broken_connection(
    sftp: SftpSettings, tmp_path: Path
) -> None:
    """What was written before the break is deleted over a new one, and the rest is checked."""
    findings = checked(sftp_way(sftp, Interrupted), tmp_path)
    assert the_one(findings).check == "write results"
    assert any(each.check == "write exports" and each.verdict == "ok" for each in findings)


@pytest.mark.parametrize(
    ("place", "content", "verdict", "expected"),
    [
        ("in/contacts.csv", "email;nome\na@example.it;Nicol\xf2\n", "fix", "cp1252"),
        ("in/imported/contacts-1.csv", "email;nome\na@example.it;Nicol\xf2\n", "fix", "cp1252"),
        ("in/contacts.csv", "email\na@example.it\n", "ok", "utf-8"),
        ("in/readme.txt", "", "note", "no file"),
    ],
)
def test_clients_whose_encoding_is_not_agreed_are_reported_before_a_file_is_held(
    sftp: SftpSettings,
    root: Path,
    tmp_path: Path,
    place: str,
    content: str,
    verdict: str,
    expected: str,
) -> None:
    """The newest file that waits, or was imported, is looked at; no word of it is shown."""
    (root / "in" / "contacts.csv").unlink()
    (root / place).write_bytes(content.encode("cp1252"))
    autos = (AutoEncoding(Source(folder="in"), Unpacking()),)
    findings = checked(sftp_way(sftp), tmp_path, replace(NEEDS, auto_encodings=autos))
    found = next(each for each in findings if each.check == "encoding in")
    assert (found.verdict, expected in found.text) == (verdict, True)
    assert "Nicol" not in repr(findings)
    assert not list((tmp_path / "scratch").glob("encoding*"))
