"""Check keys: that files can be decrypted, and exports encrypted and signed."""

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
REMEDY = "Follow the message, on the block that it names or on this worker."
NEW_KEY = "Create a new key, put it on the block, and give its public key to the client."
NEW_PUBLIC_KEY = "Ask the client for its current public key, and put it on the block."


@retried_task("check key", "check gpg-key/{name}", retries=0)
def check_decryption(name: str, scratch: Path) -> Asked:
    """Check a decryption key: encrypt and decrypt a file, and read its signers."""
    subject = Subject(f"gpg-key/{name}")
    try:
        key = load(GpgKey, name)
    except ConfigurationError as error:
        return Asked((no_block(subject.name, error),))
    return Asked(tuple(check_decrypting(subject, key, scratch)))


@retried_task("check seal", "check gpg-recipient/{packing.encrypt_for}", retries=0)
def check_encryption(packing: Packing, scratch: Path) -> Asked:
    """Check the recipient of encrypted exports, and the key that signs them."""
    subject = Subject(f"gpg-recipient/{packing.encrypt_for}")
    try:
        encryption = Encryption.agreed(packing)
    except ConfigurationError as error:
        return Asked((no_block(subject.name, error),))
    if encryption is None:
        return Asked(())
    return Asked(tuple(check_encrypting(subject, encryption, scratch)))


def check_decrypting(subject: Subject, key: GpgKey, scratch: Path) -> Iterator[Finding]:
    """Whether a file encrypted for the key can be decrypted, and its signers' keys are valid."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        yield from subject.tried("use", REMEDY, lambda: _decrypts(subject, key, Path(folder)))


def check_encrypting(subject: Subject, encryption: Encryption, scratch: Path) -> Iterator[Finding]:
    """Whether a file can be encrypted for the client, and signed if agreed."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        yield from subject.tried(
            "use", REMEDY, lambda: _encrypts(subject, encryption, Path(folder))
        )


def _decrypts(subject: Subject, key: GpgKey, folder: Path) -> Iterator[Finding]:
    armor, now = key.private_key.get_secret_value(), datetime.now(UTC)
    yield from expiry(subject, "the key", armor, "encrypt", folder / "gpg", now, NEW_KEY)
    for number, signer in enumerate(key.signers, 1):
        what = f"public key {number} of the signers"
        yield from expiry(subject, what, signer, "sign", folder / "gpg", now, NEW_PUBLIC_KEY)
    source, target = folder / "plain", folder / "encrypted"
    source.write_bytes(_CONTENT)
    answer = run_gpg("--encrypt", source, target, {f"{RECIPIENT}-0": armor}, passphrase=None)
    if answer.exit:
        return  # it cannot encrypt, which the check above reports
    decrypt(target, key.model_copy(update={"signers": []}), folder)
    yield subject.ok("use", "a file encrypted for the key can be decrypted")


def _encrypts(subject: Subject, encryption: Encryption, folder: Path) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for number, armor in enumerate(encryption.recipient.public_keys, 1):
        what = f"public key {number}"
        yield from expiry(subject, what, armor, "encrypt", folder / "gpg", now, NEW_PUBLIC_KEY)
    source = folder / "plain"
    source.write_bytes(_CONTENT)
    encrypt(source, encryption, folder / "encrypted")
    signed = " and signed" if encryption.signer else ""
    yield subject.ok("use", f"a file can be encrypted{signed}")
