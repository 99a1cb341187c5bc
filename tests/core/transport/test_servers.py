"""The server blocks: contradictions are refused at once, secrets never shown."""

import ssl
from typing import Any

import pytest
import trustme
from prefect.blocks.core import Block
from pydantic import ValidationError

from blocks.errors import ConfigurationError
from blocks.ftp_servers import FtpServer, FtpsServer
from blocks.servers import load_server
from blocks.sftp_servers import SftpServer
from blocks.transport.ftp.session import tls_context

pytestmark = pytest.mark.core

HOST_KEY = "SHA256:" + "A" * 43
BASE = {"host": "files.example.it", "username": "client"}


def sftp(**fields: Any) -> SftpServer:
    """An SFTP server with a good host key."""
    return SftpServer(**{**BASE, "host_key": HOST_KEY, **fields})


def ftps(**fields: Any) -> FtpsServer:
    """An FTPS server with a password."""
    return FtpsServer(**{**BASE, "password": "S3cret", **fields})


@pytest.mark.parametrize(
    ("build", "fields", "sentence"),
    [
        (sftp, {}, "neither password nor private_key is set"),
        (sftp, {"password": "", "private_key": ""}, "neither password nor private_key is set"),
        (sftp, {"password": "S3cret", "passphrase": "S3cret"}, "passphrase is set without"),
        (
            sftp,
            {"password": "S3cret", "host_key": ""},
            "host_key contains no host key; accepted",
        ),
        (
            sftp,
            {"password": "S3cret", "host_key": "x"},
            "host_key contains no host key; accepted",
        ),
        (sftp, {"password": "S3cret", "verify_host_key": False}, "verify_host_key is off"),
        (sftp, {"password": "S3cret", "host": "sftp://x"}, "a name or address only"),
        (sftp, {"password": "S3cret", "host": "no..host"}, "between dots"),
        (ftps, {"host": f"{'a' * 64}.it"}, "1 to 63 characters"),
        (sftp, {"password": "S3cret", "port": 0}, "greater than or equal to 1"),
        (ftps, {"ca_certificate": "x"}, "is not a certificate in PEM form"),
        (ftps, {"ca_certificate": "x", "verify_certificate": False}, "verify_certificate is off"),
        (ftps, {"password": "S3cret\r\nDELE x"}, "contains a line break"),
        (ftps, {"username": "S3cret\n"}, "contains a line break"),
        (ftps, {"tls": "starttls"}, "'explicit' or 'implicit'"),
        (ftps, {"encoding": "ebcdic"}, "'utf-8'"),
        (ftps, {"password": {"S3cret": 1}}, "valid string"),
    ],
)
def test_contradictions(build: Any, fields: dict[str, Any], sentence: str) -> None:
    """Refused at construction, in a sentence that says what to fix and shows no secret."""
    with pytest.raises(ValidationError) as caught:
        build(**fields)
    assert sentence in str(caught.value)
    assert "S3cret" not in f"{caught.value}{caught.value!r}"


def test_secrets_are_masked() -> None:
    """Neither the block nor the settings it makes show a secret."""
    server = sftp(password="S3cret", private_key="S3cret", passphrase="S3cret")
    assert "S3cret" not in f"{server!r}{server}{server.model_dump_json()}"
    assert "S3cret" not in repr(ftps()._settings())


def test_ports_follow_the_protocol() -> None:
    """Default ports follow from the protocol."""
    assert FtpServer(**BASE, password="x").port == 21
    assert sftp(password="x").port == 22
    assert ftps()._settings().port == 21
    assert ftps(tls="implicit")._settings().port == 990
    assert ftps(tls="implicit", port=2121)._settings().port == 2121


def test_certificate_with_lost_line_breaks() -> None:
    """A certificate pasted into a field of one line is understood."""
    pem = trustme.CA().cert_pem.bytes().decode()
    assert ftps(ca_certificate=pem.replace("\n", " ")).ca_certificate


def test_strict_by_default() -> None:
    """Certificates and host keys are verified, wrong passive addresses ignored, by default."""
    assert ftps().verify_certificate
    assert not ftps().trust_passive_address
    assert SftpServer.model_fields["verify_host_key"].default is True


@pytest.mark.parametrize(
    "reference", ["acme", "", "sftp-server/", "ledger/acme", "sftp-server/a/b", "SFTP-server/a"]
)
def test_references_of_another_form(reference: str) -> None:
    """A parameter that names no server block says which forms are accepted."""
    with pytest.raises(ConfigurationError, match='"sftp-server/NAME"'):
        load_server(reference)


def test_blocks_tell_themselves_apart() -> None:
    """Each stored server carries its protocol."""
    kinds: list[type[Block]] = [FtpServer, FtpsServer, SftpServer]
    assert [kind.model_fields["protocol"].default for kind in kinds] == ["ftp", "ftps", "sftp"]


def test_oldest_tls() -> None:
    """Nothing older than TLS 1.2 is spoken, also where certificates are not verified."""
    for verify in (True, False):
        assert tls_context(None, verify=verify).minimum_version == ssl.TLSVersion.TLSv1_2
