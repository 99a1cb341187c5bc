"""Encrypts a file for a client with OpenPGP, with the gpg program."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from blocks.errors import ConfigurationError, RunStopped
from blocks.keys import GpgKey, GpgRecipient
from blocks.loading import load
from tasks.gpg.program import PRIVATE, RECIPIENT, TIMEOUT_SECONDS, GpgResult, run_gpg
from tasks.reports.output.packing import Packing


@dataclass(frozen=True)
class Encryption:
    """Recipient and signer of an encrypted file."""

    recipient: GpgRecipient
    signer: GpgKey | None = None

    @classmethod
    def agreed(cls, packing: Packing) -> Self | None:
        """Load the blocks that the packing names; None if files are not encrypted."""
        if not packing.encrypt_for:
            return None
        signer = load(GpgKey, packing.sign_with) if packing.sign_with else None
        return cls(load(GpgRecipient, packing.encrypt_for), signer)


def encrypt(path: Path, encryption: Encryption, target: Path) -> Path:
    """Write `path`, encrypted for every key of the recipient and signed, to `target`.

    Each call gives other bytes, as OpenPGP uses a new session key. The result contains neither the
    local name nor a name of the client. ConfigurationError if gpg is missing or a key or passphrase
    is unusable, RunStopped if gpg fails for another reason; then `target` does not exist.
    """
    keys = {f"{RECIPIENT}-{at}": key for at, key in enumerate(encryption.recipient.public_keys)}
    action, passphrase, signer = "--encrypt", None, encryption.signer
    if signer:
        keys[PRIVATE] = signer.private_key.get_secret_value()
        action, passphrase = "--sign --encrypt", signer.passphrase
    answer = run_gpg(action, path, target, keys, passphrase=passphrase)
    try:
        _check(answer, signing=signer is not None)
    except Exception:
        target.unlink(missing_ok=True)
        raise
    return target


def _check(answer: GpgResult, *, signing: bool) -> None:
    """Raise an error if gpg failed."""
    unread = [name for name, found in answer.fingerprints.items() if not found]
    if PRIVATE in unread:
        raise ConfigurationError(
            "gpg cannot read the private key to sign with. Accepted is a private key in ASCII "
            "armor; correct private_key of the GpgKey block."
        )
    if unread:
        number = int(unread[0].rpartition("-")[2]) + 1
        raise ConfigurationError(
            f"gpg cannot read public key {number} of the recipient. Accepted is a public key in "
            "ASCII armor; correct public_keys of the GpgRecipient block."
        )
    if "INV_RECP" in answer.words:
        why = "has expired" if "KEYEXPIRED" in answer.words else "is revoked or cannot encrypt"
        raise ConfigurationError(
            f"A public key of the recipient {why}. Ask the client for its current key and put it "
            "into public_keys of the GpgRecipient block; nothing was delivered."
        )
    if signing and "SIG_CREATED" not in answer.words:
        raise ConfigurationError(
            f"gpg cannot sign with the private key{answer.failure}. Replace private_key (it may "
            "have expired) or correct the passphrase of the GpgKey block."
        )
    if answer.exit or "END_ENCRYPTION" not in answer.words:
        raise RunStopped(
            f"gpg did not encrypt the export within {TIMEOUT_SECONDS} seconds (exit code "
            f"{answer.exit}). Check the free space of this worker's scratch folder."
        )
