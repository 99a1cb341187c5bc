"""Host keys, private keys and certificates as people paste them."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from blocks.errors import ConfigurationError
from blocks.transport.ftp.session import rewrapped
from blocks.transport.sftp.host_keys import FAMILIES, RSA_SIGNATURES, parse_host_keys
from blocks.transport.sftp.private_keys import load_private_key

pytestmark = pytest.mark.core

# A public host key that GitHub publishes, with the fingerprint beside it.
LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
FINGERPRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def test_fingerprint_of_a_line() -> None:
    """A key line and the fingerprint that OpenSSH prints for it are the same pin."""
    assert parse_host_keys(LINE).fingerprints == {FINGERPRINT}
    assert parse_host_keys(f"256 {FINGERPRINT} host (ED25519)").fingerprints == {FINGERPRINT}


def test_which_keys_the_server_is_asked_for() -> None:
    """A line names its kind of key; a fingerprint does not, so every kind is asked for."""
    assert parse_host_keys(LINE).families == (("ssh-ed25519",),)
    assert parse_host_keys(FINGERPRINT).families == FAMILIES
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    line = public.public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    ).decode()
    assert parse_host_keys(line).families == (RSA_SIGNATURES,)
    assert parse_host_keys(f"{LINE}\n{line}").families == (("ssh-ed25519",), RSA_SIGNATURES)


@pytest.mark.parametrize(
    "text", ["", "nonsense", LINE[:-20], LINE[:40] + "!" + LINE[41:], "MD5:12:34", "ssh-ed25519"]
)
def test_what_is_no_host_key(text: str) -> None:
    """A cut or mistyped key is refused when it is set, with the accepted forms."""
    with pytest.raises(ConfigurationError, match="accepted is an OpenSSH line"):
        parse_host_keys(text)


KEYS: dict[str, Any] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "ecdsa": ec.generate_private_key(ec.SECP384R1()),
    "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
}


@pytest.mark.parametrize("passphrase", ["", "città 1"])
@pytest.mark.parametrize("form", ["OpenSSH", "PKCS8"])
@pytest.mark.parametrize("kind", KEYS)
def test_private_keys(kind: str, form: str, passphrase: str) -> None:
    """Every usual kind and form of key is read, also with its line breaks lost."""
    key = KEYS[kind]
    text = key.private_bytes(
        serialization.Encoding.PEM,
        getattr(serialization.PrivateFormat, form),
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption(),
    ).decode()
    expected = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    for pasted in (text, text.replace("\n", " "), text.replace("\n", ""), f"\n {text}\n"):
        loaded = load_private_key(pasted, passphrase or None)
        assert f"{loaded.get_name()} {loaded.get_base64()}".encode() == expected


@pytest.mark.parametrize(
    ("text", "passphrase"),
    [
        ("", None),
        ("PuTTY-User-Key-File-3: ssh-ed25519", None),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nZm9v\n-----END OPENSSH PRIVATE KEY-----", None),
        ("-----BEGIN PRIVATE KEY-----\nZm9v\n-----END PRIVATE KEY-----", "S3cret"),
    ],
)
def test_what_is_no_private_key(text: str, passphrase: str | None) -> None:
    """Anything else is refused with the accepted forms, and shows nothing of what was pasted."""
    with pytest.raises(ConfigurationError, match="accepted is") as caught:
        load_private_key(text, passphrase)
    assert "Zm9v" not in repr(caught.value)
    assert "S3cret" not in repr(caught.value)
    assert caught.value.__suppress_context__


def test_kind_of_key_that_is_not_used_any_more() -> None:
    """A DSA key is a key, but none that servers still take."""
    text = dsa.generate_private_key(2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(ConfigurationError, match="Ed25519, ECDSA or RSA"):
        load_private_key(text.decode(), None)


def test_passphrase_for_a_key_without_one() -> None:
    """A passphrase too many is said so."""
    text = KEYS["ed25519"].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(ConfigurationError, match="has no passphrase"):
        load_private_key(text.decode(), "S3cret")


def test_several_pem_blocks_on_one_line() -> None:
    """A chain of certificates without line breaks comes apart again; other text stays."""
    one = "-----BEGIN CERTIFICATE-----" + "QUJD" * 20 + "-----END CERTIFICATE-----"
    assert rewrapped(one + one).count("\n-----END CERTIFICATE-----\n") == 2
    assert rewrapped(one).splitlines()[1] == "QUJD" * 16
    assert rewrapped("no pem") == "no pem\n"
