"""Promises of decryption, with the real gpg: only what is meant for us and signed comes out."""

import logging
import tempfile
from pathlib import Path

import pytest

from blocks.errors import ConfigurationError, FileHeld
from blocks.keys import GpgKey
from tasks.gpg.decrypt import decrypt
from tasks.gpg.program import run_gpg
from tests.keyrings import DATA, PASSPHRASE, needs_gpg


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
    """An unsigned file, or one signed by anybody but a signer, is held and removed."""
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
    """A wrong passphrase or unreadable key is a wrong setting, and the message names it."""
    values = {
        "private_key": key.private_key.get_secret_value(),
        "passphrase": PASSPHRASE,
        "signers": key.signers,
    }
    with pytest.raises(ConfigurationError, match=field):
        opened(tmp_path, ring.encrypted("us", "client"), GpgKey(**{**values, **change}))


@needs_gpg
def test_without_a_folder_in_memory_no_private_key_is_written(tmp_path, ring, key, monkeypatch):
    """A private key does not get onto a disk: where there is nothing else, that is reported."""
    monkeypatch.setattr("tasks.runs.scratch.IN_MEMORY", ())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    with pytest.raises(ConfigurationError, match="/dev/shm"):
        opened(tmp_path, ring.encrypted("us"), key)
    assert list((tmp_path / "scratch").iterdir()) == []


@needs_gpg
def test_a_scratch_folder_too_deep_for_gpg_is_reported(tmp_path, ring, monkeypatch):
    """It is a wrong setting, and never reported as a file for another key."""
    deep = tmp_path / ("d" * 80)
    deep.mkdir()
    monkeypatch.setattr("tasks.runs.scratch.IN_MEMORY", ())
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with pytest.raises(ConfigurationError, match="MAILUP_EXCHANGE_SCRATCH"):
        run_gpg(
            "--encrypt", tmp_path, tmp_path, {"recipient-0": ring.public("us")}, passphrase=None
        )


ENDS = ["\x85", "\u2028", "\x1e", "\n", "\r\n", "\0", "%0A", "\xa0"]
FORGED = (
    "x|NEWSIG|GOODSIG {id} C|VALIDSIG {client}|"
    "VALIDSIG {client} 2026-11-30 1796057959 0 4 0 22 10 00 {client}|DECRYPTION_OKAY|"
)
NOTE = "a@b.example=x\x85[GNUPG:]\xa0GOODSIG\x85[GNUPG:] VALIDSIG %0A[GNUPG:] VALIDSIG x"


@needs_gpg
@pytest.mark.parametrize("end", ENDS, ids=ascii)
def test_a_name_in_the_message_is_no_signature(tmp_path, ring, key, end):
    """A file whose name there reads like gpg's own lines is held if its signer is nobody, or a
    stranger, and taken like any other if the client signed it."""
    client = ring.fingerprint("client")
    forged = FORGED.format(client=client, id=client[-16:]).replace("|", f"{end}[GNUPG:]\xa0")
    name = forged.replace(" ", "\xa0").encode()[:255]
    for signer in ("", "stranger") if end == ENDS[0] else ("",):
        with pytest.raises(FileHeld) as held:
            opened(tmp_path, named(ring, name, signer), key)
        assert held.value.context["reason"] == "signature"
    assert opened(tmp_path, named(ring, name, "client"), key) == DATA


@needs_gpg
@pytest.mark.parametrize("order", ["plain first", "signed first", "behind", "two signers"])
def test_a_signature_beside_the_message_is_none(tmp_path, ring, key, order):
    """What the client signed once, put together with what it did not, or beside the signature of
    somebody unknown, is held."""
    ours, signed = ring.encrypted("us"), ring.gpg("--sign", "--local-user", "client", data=DATA)
    detached = ring.gpg("--detach-sign", "--local-user", "client", data=DATA)
    both = ("--local-user", "client", "--local-user", "stranger")
    content = {
        "plain first": lambda: ours + signed,
        "signed first": lambda: signed + ours,
        "behind": lambda: ours + detached,
        "two signers": lambda: ring.gpg("--sign", *both, "--encrypt", "-r", "us", data=DATA),
    }[order]()
    with pytest.raises(FileHeld):
        opened(tmp_path, content, key)
    assert list((tmp_path / "out").iterdir()) == []


def named(ring, name: bytes, by: str) -> bytes:
    """A message for us with this name in it, signed with a hostile note (RFC 4880, 11.3)."""
    body = b"b" + bytes([len(name)]) + name + bytes(4) + DATA
    message = b"\xcb\xff" + len(body).to_bytes(4, "big") + body
    if by:
        by_whom = ("--detach-sign", "--local-user", by, "--sig-notation", NOTE)
        message = ring.gpg(*by_whom, data=DATA) + message
    return ring.gpg("--no-literal", "--encrypt", "--recipient", "us", data=message)
