"""Promises of encryption, with the real gpg: the client can open it, nobody else can."""

import logging
import tempfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.errors import ConfigurationError
from blocks.keys import GpgKey, GpgRecipient
from tasks.gpg.decrypt import decrypt
from tasks.gpg.encrypt import Encryption, encrypt
from tests.keyrings import DATA, PASSPHRASE, Keyring, needs_gpg

pytestmark = needs_gpg


def ours(ring: Keyring, passphrase: str = PASSPHRASE) -> GpgKey:
    """The block of our own key."""
    return GpgKey(private_key=ring.private("us"), passphrase=passphrase)


def sealed(tmp_path: Path, seal: Encryption) -> Path:
    """A file encrypted in a folder with a hostile name."""
    folder = tmp_path / "o; touch injected $(touch injected)"
    folder.mkdir(exist_ok=True)
    source = folder / "export.csv"
    source.write_bytes(DATA)
    try:
        return encrypt(source, seal, folder / "export.gpg")
    finally:
        assert not list(tmp_path.rglob("injected"))
        assert {path.name for path in folder.iterdir()} <= {"export.csv", "export.gpg"}


def test_each_recipient_can_open_and_check_it(
    tmp_path: Path,
    scratch: Path,
    ring: Keyring,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every key of the block opens the file, whose signature is ours; no key is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.chdir(tmp_path)
    both = GpgRecipient(public_keys=[ring.public("client"), ring.public("stranger")])
    with caplog.at_level(logging.DEBUG):
        path = sealed(tmp_path, Encryption(both, ours(ring)))
        for name in ("client", "stranger"):
            reader = GpgKey(private_key=ring.private(name), signers=[ring.public("us")])
            assert decrypt(path, reader, tmp_path).read_bytes() == DATA
    assert list(scratch.iterdir()) == []
    assert PASSPHRASE not in caplog.text
    assert "PRIVATE KEY" not in caplog.text


def test_nothing_else_is_in_the_file(tmp_path: Path, ring: Keyring) -> None:
    """It is encrypted for the agreed keys only, unsigned if none is agreed, and names no file."""
    path = sealed(tmp_path, Encryption(GpgRecipient(public_keys=[ring.public("client")])))
    text = ring.gpg("--list-packets", str(path)).decode()
    assert text.count(":pubkey enc packet:") == 1
    assert "signature packet" not in text
    assert 'name=""' in text


def test_keys_in_one_text_all_count(tmp_path: Path, ring: Keyring) -> None:
    """A text that holds several public keys, as gpg exports them, is taken as all of them."""
    text = ring.gpg("--armor", "--export", "client", "stranger").decode()
    path = sealed(tmp_path, Encryption(GpgRecipient(public_keys=[text])))
    for name in ("client", "stranger"):
        assert decrypt(path, GpgKey(private_key=ring.private(name)), tmp_path).read_bytes() == DATA


@pytest.mark.parametrize(
    ("recipient", "signer", "expected"),
    [
        ("nonsense", "", "public key 2 .* public_keys"),
        ("lapsed", "", "has expired.* current key"),
        ("signs only", "", "cannot encrypt"),
        ("stranger", "wrong", r"\(gpg's error 11\).* passphrase"),
        ("stranger", "nonsense", "private_key"),
    ],
)
def test_wrong_keys_deliver_nothing(
    tmp_path: Path, ring: Keyring, recipient: str, signer: str, expected: str
) -> None:
    """A key that is unreadable, expired or of another kind is named; no file comes of it."""
    if recipient == "lapsed":
        ring.expiring(recipient)
    if recipient == "signs only":
        ring.gpg("--quick-gen-key", recipient, "ed25519", "sign", "never")
    second = recipient if recipient == "nonsense" else ring.public(recipient)
    keys = GpgRecipient(public_keys=[ring.public("client"), second])
    key = ours(ring, "wrong") if signer == "wrong" else None
    if signer == "nonsense":
        key = GpgKey(private_key="nonsense")
    with pytest.raises(ConfigurationError, match=expected):
        sealed(tmp_path, Encryption(keys, key))
    assert not list(tmp_path.rglob("export.gpg"))


def test_a_private_key_is_not_taken_for_a_public_one(ring: Keyring) -> None:
    """Somebody's private key is refused, and not shown, where a public one belongs."""
    with pytest.raises(ValidationError, match="private key") as refused:
        GpgRecipient(public_keys=[ring.private("client")])
    assert "BEGIN PGP" not in str(refused.value)
