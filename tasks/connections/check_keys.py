"""Check keys: that an encrypted file can be opened, and an export be encrypted and signed."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from blocks.errors import ConfigurationError
from blocks.keys import GpgKey
from blocks.loading import load
from tasks.checks.findings import Asked, Finding, Subject, no_block
from tasks.checks.keys import expiry
from tasks.gpg.decrypt import decrypt
from tasks.gpg.encrypt import Encryption, encrypt
from tasks.gpg.program import RECIPIENT, run_gpg
from tasks.reports.output.packing import Packing
from tasks.runs.retrying import retried_task

_CONTENT = b"Encrypted by MailUp file exchange to check a key.\n"
REMEDY = "Do what the message says, on the block that it names or on this worker."
NEW_KEY = "Make a new key, put it on the block, and give its public half to the client."
NEW_PUBLIC_KEY = "Ask the client for its present public key, and put it on the block."


@retried_task("check key", "check gpg-key/{name}", retries=0)
def check_decryption(name: str, scratch: Path) -> Asked:
    """A key that opens files: what is encrypted for it is opened with it; its signers are read."""
    subject = Subject(f"gpg-key/{name}")
    try:
        key = load(GpgKey, name)
    except ConfigurationError as error:
        return Asked((no_block(subject.name, error),))
    return Asked(tuple(check_decrypting(subject, key, scratch)))


@retried_task("check seal", "check gpg-recipient/{packing.encrypt_for}", retries=0)
def check_encryption(packing: Packing, scratch: Path) -> Asked:
    """A recipient of encrypted exports, and the key that signs them."""
    subject = Subject(f"gpg-recipient/{packing.encrypt_for}")
    try:
        seal = Encryption.agreed(packing)
    except ConfigurationError as error:
        return Asked((no_block(subject.name, error),))
    if seal is None:
        return Asked(())
    return Asked(tuple(check_encrypting(subject, seal, scratch)))


def check_decrypting(subject: Subject, key: GpgKey, scratch: Path) -> Iterator[Finding]:
    """Whether what is encrypted for our key can be opened, and who may sign it."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        yield from subject.tried("use", REMEDY, lambda: _opens(subject, key, Path(folder)))


def check_encrypting(subject: Subject, seal: Encryption, scratch: Path) -> Iterator[Finding]:
    """Whether a file can be encrypted for the client, and signed where that is agreed."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        yield from subject.tried("use", REMEDY, lambda: _seals(subject, seal, Path(folder)))


def _opens(subject: Subject, key: GpgKey, folder: Path) -> Iterator[Finding]:
    armor, now = key.private_key.get_secret_value(), datetime.now(UTC)
    yield from expiry(subject, "the key", armor, "encrypt", folder / "gpg", now, NEW_KEY)
    for number, signer in enumerate(key.signers, 1):
        what = f"public key {number} of the signers"
        yield from expiry(subject, what, signer, "sign", folder / "gpg", now, NEW_PUBLIC_KEY)
    source, target = folder / "plain", folder / "encrypted"
    source.write_bytes(_CONTENT)
    answer = run_gpg("--encrypt", source, target, {f"{RECIPIENT}-0": armor}, passphrase=None)
    if answer.exit:
        return  # nobody can encrypt for it, which the look above tells
    decrypt(target, key.model_copy(update={"signers": []}), folder)
    yield subject.ok("use", "a file that was encrypted for the key is opened with it")


def _seals(subject: Subject, seal: Encryption, folder: Path) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for number, armor in enumerate(seal.recipient.public_keys, 1):
        what = f"public key {number}"
        yield from expiry(subject, what, armor, "encrypt", folder / "gpg", now, NEW_PUBLIC_KEY)
    source = folder / "plain"
    source.write_bytes(_CONTENT)
    encrypt(source, seal, folder / "encrypted")
    signed = " and signed" if seal.signer else ""
    yield subject.ok("use", f"a file can be encrypted{signed}")
