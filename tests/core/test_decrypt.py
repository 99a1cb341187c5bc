"""Promises of decryption, with the real gpg: only what is meant for us and signed comes out."""

import logging
import tempfile
from pathlib import Path

import pytest
from keyrings import DATA, PASSPHRASE, needs_gpg

from blocks.errors import ConfigurationError, FileHeld
from blocks.keys import GpgKey
from tasks.decrypt import decrypt


@pytest.fixture
def key(ring) -> GpgKey:
    """Our key, with the client as signer."""
    return GpgKey(
        private_key=ring.private("us"), passphrase=PASSPHRASE, signers=[ring.public("client")]
    )


def opened(tmp_path: Path, content: bytes, key: GpgKey, **options: int) -> bytes:
    """Decrypt a file whose name is hostile."""
    path, folder = tmp_path / "a.csv; touch injected $(touch injected).gpg", tmp_path / "out"
    path.write_bytes(content)
    folder.mkdir(exist_ok=True)
    try:
        return decrypt(path, key, folder, **options).read_bytes()
    finally:
        assert not list(tmp_path.rglob("injected"))


@needs_gpg
def test_signed_file_is_opened(tmp_path, scratch, ring, key, caplog, monkeypatch):
    """A file for us, signed by the client, comes out; keys are gone and no secret is logged."""
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.DEBUG):
        assert opened(tmp_path, ring.encrypted("us", "client"), key) == DATA
    assert list(scratch.iterdir()) == []
    assert PASSPHRASE not in caplog.text + repr(key)
    assert "PRIVATE KEY" not in caplog.text + repr(key)


@needs_gpg
def test_signature_is_not_asked_for_without_signers(tmp_path, ring, key):
    """Without signers an unsigned file is enough."""
    lenient = key.model_copy(update={"signers": []})
    assert opened(tmp_path, ring.encrypted("us"), lenient) == DATA


@needs_gpg
@pytest.mark.parametrize("signer", ["", "stranger", "us"])
def test_missing_or_foreign_signature_is_held(tmp_path, ring, key, signer):
    """An unsigned file, or one signed by anybody but a signer, is held and not left behind."""
    with pytest.raises(FileHeld) as held:
        opened(tmp_path, ring.encrypted("us", signer), key)
    assert held.value.context["reason"] == "signature"
    assert list((tmp_path / "out").iterdir()) == []


@needs_gpg
def test_signature_of_an_expired_key_is_held(tmp_path, ring, key):
    """A signer whose key has expired is no signer any more."""
    content = ring.gpg(
        *(*ring.expiring("former"), "--sign", "--local-user", "former"),
        *("--encrypt", "--recipient", "us"),
        data=DATA,
    )
    former = key.model_copy(update={"signers": [ring.public("former")]})
    with pytest.raises(FileHeld) as held:
        opened(tmp_path, content, former)
    assert held.value.context["reason"] == "signature"


@needs_gpg
def test_file_for_another_key_is_held(tmp_path, ring, key):
    """A file that is encrypted for somebody else is held."""
    with pytest.raises(FileHeld, match="another key"):
        opened(tmp_path, ring.encrypted("stranger", "client"), key)


@needs_gpg
def test_file_that_is_not_encrypted_is_held(tmp_path, ring, key):
    """A plain file, or one that is only signed, is not taken for an encrypted one."""
    for content in (DATA, ring.gpg("--sign", "--local-user", "client", data=DATA)):
        with pytest.raises(FileHeld, match="not encrypted"):
            opened(tmp_path, content, key)


@needs_gpg
def test_damaged_or_cut_file_is_held(tmp_path, ring, key):
    """A file that lost its end, or in which a bit changed, is held."""
    whole = ring.encrypted("us", "client")
    changed = whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:]
    for content in (whole[:-30], whole[:200], changed):
        with pytest.raises(FileHeld) as held:
            opened(tmp_path, content, key)
        assert held.value.context["reason"] == "decrypt"
    assert list((tmp_path / "out").iterdir()) == []


@needs_gpg
def test_bomb_is_held(tmp_path, ring, key):
    """What would unpack to more than agreed is stopped on the way."""
    with pytest.raises(FileHeld) as held:
        opened(tmp_path, ring.encrypted("us", "client", b"0" * 5_000_000), key, max_bytes=1_000_000)
    assert held.value.context["reason"] == "too_big"
    assert list((tmp_path / "out").iterdir()) == []


@needs_gpg
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"passphrase": "wrong"}, "passphrase"),
        ({"passphrase": None}, "passphrase"),
        ({"private_key": "nonsense"}, "private_key"),
        ({"signers": ["nonsense"]}, "signers"),
    ],
)
def test_wrong_settings_are_named(tmp_path, ring, key, change, field):
    """A wrong passphrase or unreadable key is a setting to mend, and the message names it."""
    values = {
        "private_key": key.private_key.get_secret_value(),
        "passphrase": PASSPHRASE,
        "signers": key.signers,
    }
    with pytest.raises(ConfigurationError, match=field):
        opened(tmp_path, ring.encrypted("us", "client"), GpgKey(**{**values, **change}))


@needs_gpg
def test_a_scratch_folder_too_deep_for_gpg_is_told(tmp_path, ring, key, monkeypatch):
    """It is a setting to mend, and never told as a file for another key."""
    deep = tmp_path / ("d" * 80)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with pytest.raises(ConfigurationError, match="MAILUP_EXCHANGE_SCRATCH"):
        opened(tmp_path, ring.encrypted("us"), key)
