"""Decrypts a file that a client encrypted with OpenPGP, with the gpg program."""

from pathlib import Path
from typing import NoReturn

from blocks.errors import ConfigurationError, FileHeld
from blocks.keys import GpgKey
from tasks.gpg.program import PRIVATE, TIMEOUT_SECONDS, GpgResult, run_gpg
from tasks.gpg.status import Line, decrypted, signers

DECRYPTED_NAME = "decrypted"
"""Name of the decrypted file; the name in the message is never used as a path."""

DEFAULT_MAX_BYTES = 4_000_000_000
"""Maximum size of a decrypted file: OpenPGP compresses, so bombs are possible."""


def decrypt(path: Path, key: GpgKey, folder: Path, max_bytes: int = DEFAULT_MAX_BYTES) -> Path:
    """Return the decrypted file, inside `folder`; its signature is checked if `key` has signers.

    Raises FileHeld with reason "decrypt" (not encrypted, for another key, damaged), "signature"
    or "too_big", and ConfigurationError if gpg is missing or the block's keys or passphrase are
    wrong.
    """
    target = folder / DECRYPTED_NAME
    keys = {PRIVATE: key.private_key.get_secret_value()}
    public = {f"signer-{number}": signer for number, signer in enumerate(key.signers)}
    answer = run_gpg(
        "--decrypt", path, target, keys | public, passphrase=key.passphrase, max_bytes=max_bytes
    )
    try:
        _check(answer, target, list(public), max_bytes)
    except Exception:
        target.unlink(missing_ok=True)
        raise
    return target


def _check(answer: GpgResult, target: Path, public: list[str], max_bytes: int) -> None:
    """Raise an error if gpg failed."""
    if not answer.fingerprints[PRIVATE]:
        raise ConfigurationError(
            "gpg cannot read the private key. Accepted is a private key in ASCII armor; correct "
            "private_key of the GpgKey block."
        )
    if target.exists() and target.stat().st_size > max_bytes:
        _hold(f"The decrypted file has more than {max_bytes} bytes", "too_big")
    if answer.timed_out:
        _hold(f"gpg did not finish within {TIMEOUT_SECONDS} seconds", "decrypt")
    if not decrypted(answer.status) or not target.exists():
        _explain(answer)
    accepted = _accepted(answer, public)
    if public and (answer.exit or not signers(answer.status) & accepted):
        _hold("The file has no valid signature of an accepted signer", "signature")


def _explain(answer: GpgResult) -> NoReturn:
    """Raise the reason why gpg did not decrypt."""
    if Line("ERROR", ("pkdecrypt_failed",)) in answer.status:
        raise ConfigurationError(
            "gpg cannot unlock the private key. Correct the passphrase of the GpgKey block."
        )
    if "DECRYPTION_KEY" in answer.words:
        _hold("The encrypted file is damaged or truncated", "decrypt")
    if "ENC_TO" in answer.words:
        _hold("The file is encrypted for another key", "decrypt")
    _hold("The file is not encrypted with OpenPGP for a key", "decrypt")


def _accepted(answer: GpgResult, public: list[str]) -> set[str]:
    """Fingerprints of the signers' keys."""
    found: set[str] = set()
    for number, signer in enumerate(public, 1):
        if not answer.fingerprints[signer]:
            raise ConfigurationError(
                f"gpg cannot read public key {number} of the signers. Accepted is a public "
                "key in ASCII armor; correct signers of the GpgKey block."
            )
        found |= answer.fingerprints[signer]
    return found


def _hold(fact: str, reason: str) -> NoReturn:
    raise FileHeld(
        f"{fact}. Accepted is a file encrypted for the key of the GpgKey block and, if signers "
        "are set, signed by one of them; ask the client to send it again.",
        reason=reason,
    )
