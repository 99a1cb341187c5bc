"""Which keys, certificates and passwords are accepted, and the errors otherwise."""

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from blocks.errors import ConfigurationError, HostNotTrusted, LoginRefused, RetryableError
from blocks.transport.sftp.host_keys import fingerprint, parse_host_keys
from tests.contract.real_servers.catalogue import Certificate, Server
from tests.contract.real_servers.fleet import FTPS_SERVERS, SERVERS, SFTP_SERVERS, Ground

pytestmark = pytest.mark.contract

on_ftps = pytest.mark.parametrize("running_server", FTPS_SERVERS, indirect=True)
on_sftp = pytest.mark.parametrize("running_server", SFTP_SERVERS, indirect=True)
with_keys = pytest.mark.parametrize("running_server", ["sshd", "embedded-sftp"], indirect=True)

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
RSA_KEY = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    .public_key()
    .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    .decode()
)


def pem(key: PrivateKeyTypes, passphrase: str = "", form: str = "OpenSSH") -> str:
    """A private key as text."""
    secret = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), secret
    ).decode()


@on_ftps
def test_certificate_of_another_authority(
    running_server: Server, issue: Callable[..., Certificate]
) -> None:
    """A certificate that another authority signed is not trusted, nor one of no known authority."""
    for authority in (issue().authority, None):
        with pytest.raises(HostNotTrusted) as caught:
            running_server.connect(ca_certificate=authority)
        assert not caught.value.retry


@on_ftps
def test_certificate_of_another_host(running_server: Server) -> None:
    """A certificate for another name is not trusted."""
    with pytest.raises(HostNotTrusted):
        running_server.connect(host="localhost")


@pytest.mark.parametrize("name", FTPS_SERVERS)
def test_expired_certificate(
    name: str, ground: Callable[[str], Ground], issue: Callable[..., Certificate]
) -> None:
    """An expired certificate is not trusted, and the error says so."""
    expired = replace(ground(name), certificate=issue(expired=True))
    with SERVERS[name](expired) as server, pytest.raises(HostNotTrusted, match="expired"):
        server.connect()


@on_ftps
def test_relaxed_certificate_check_is_loud(
    running_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Without verification the login works, and every time a warning says what that means."""
    with (
        caplog.at_level(logging.WARNING),
        running_server.connect(ca_certificate=None, verify_certificate=False) as transport,
    ):
        transport.list("")
    assert "NOT verified" in caplog.text


@pytest.mark.parametrize("running_server", ["vsftpd-ftp", "embedded-ftp"], indirect=True)
@pytest.mark.parametrize("tls", ["explicit", "implicit"])
def test_no_fall_back_to_clear_text(running_server: Server, tls: str) -> None:
    """A server without TLS gets no password from a client that wants TLS."""
    expected = ConfigurationError if tls == "explicit" else RetryableError
    with pytest.raises(expected) as caught:
        running_server.connect(tls=tls)
    assert not isinstance(caught.value, LoginRefused)


@on_sftp
def test_changed_host_key(running_server: Server) -> None:
    """Another host key than the pinned one stops before anything is sent, and is named."""
    for pinned in (OTHER_KEY, RSA_KEY, fingerprint(b"another")):
        with pytest.raises(HostNotTrusted) as caught:
            running_server.connect(host_key=pinned, password="Secret-1")
        assert "Secret-1" not in str(caught.value)
    with pytest.raises(ConfigurationError):
        running_server.connect(host_key=None)
    with pytest.raises(HostNotTrusted) as caught:
        running_server.connect(host_key=OTHER_KEY)
    assert next(iter(parse_host_keys(running_server.host_key).fingerprints)) in str(caught.value)


@on_sftp
def test_every_form_of_host_key(running_server: Server) -> None:
    """A line of known_hosts, a bare key, a fingerprint, and two keys at once are accepted."""
    kind, blob = running_server.host_key.split()[:2]
    pinned = parse_host_keys(running_server.host_key)
    for text in (
        f"[127.0.0.1]:{running_server.port} {kind} {blob}",
        f"# from ssh-keyscan\n{kind} {blob} somebody@somewhere",
        next(iter(pinned.fingerprints)),
        f"{OTHER_KEY}\n{kind} {blob}",
        f"{OTHER_KEY} {kind} {blob}",
    ):
        running_server.connect(host_key=text).close()


@on_sftp
def test_relaxed_host_key_check_is_loud(
    running_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Without verification the login works, and every time a warning says what that means."""
    with caplog.at_level(logging.WARNING):
        running_server.connect(host_key=None, verify_host_key=False).close()
    assert "NOT verified" in caplog.text


@with_keys
def test_login_with_a_key(running_server: Server, client_key: ed25519.Ed25519PrivateKey) -> None:
    """Login with a private key, with or without passphrase, also with line breaks lost."""
    for text, passphrase in (
        (pem(client_key), None),
        (pem(client_key, "pass phrase"), "pass phrase"),
        (pem(client_key, "pass phrase", "PKCS8"), "pass phrase"),
        (pem(client_key).replace("\n", " "), None),
    ):
        with running_server.connect(
            password=None, private_key=text, passphrase=passphrase
        ) as transport:
            transport.list(".")


@with_keys
def test_login_with_another_key(running_server: Server) -> None:
    """A key that the server does not know is refused like a wrong password; of every kind."""
    for key in (
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ):
        with pytest.raises(LoginRefused):
            running_server.connect(password=None, private_key=pem(key))


@with_keys
def test_wrong_passphrase(running_server: Server, client_key: ed25519.Ed25519PrivateKey) -> None:
    """A wrong or missing passphrase is a wrong setting; nothing of the key is in the error."""
    text = pem(client_key, "right")
    for passphrase in ("Wr0ng", None):
        with pytest.raises(ConfigurationError, match="passphrase") as caught:
            running_server.connect(password=None, private_key=text, passphrase=passphrase)
        assert "Wr0ng" not in repr(caught.value)
        assert text.splitlines()[1] not in repr(caught.value)
