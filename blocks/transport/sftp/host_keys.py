"""Pinned SSH host keys: parsed from pasted text to SHA256 fingerprints."""

import base64
import hashlib
import re
from dataclasses import dataclass
from itertools import pairwise

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from blocks.errors import ConfigurationError

FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")
ECDSA = ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
# A server presents one of its keys; which one depends on the algorithms we offer.
FAMILIES: tuple[tuple[str, ...], ...] = (("ssh-ed25519",), ECDSA, RSA_SIGNATURES)
_ACCEPTED = (
    'accepted is an OpenSSH line ("ssh-ed25519 AAAA...", as in known_hosts or from ssh-keyscan) or '
    'a fingerprint ("SHA256:..."), one per line'
)


@dataclass(frozen=True)
class HostKeys:
    """The trusted host keys, and the algorithms to offer the server, in order."""

    fingerprints: frozenset[str]
    families: tuple[tuple[str, ...], ...]


def fingerprint(key: bytes) -> str:
    """The fingerprint of a public key blob, as OpenSSH prints it."""
    digest = hashlib.sha256(key).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def parse_host_keys(text: str) -> HostKeys:
    """Host keys from pasted text, with or without line breaks. ConfigurationError if none."""
    pins: dict[str, tuple[str, ...] | None] = {
        found.rstrip("="): None for found in FINGERPRINT.findall(text)
    }
    for algorithm, blob in pairwise(text.split()):
        family = _family(algorithm)
        if family is not None:
            pins[_fingerprint_of_text(algorithm, blob)] = family
    if not pins:
        raise ConfigurationError(f"host_key contains no host key; {_ACCEPTED}.")
    named = set(pins.values())
    return HostKeys(
        frozenset(pins), tuple(family for family in FAMILIES if None in named or family in named)
    )


def _family(algorithm: str) -> tuple[str, ...] | None:
    if algorithm == "ssh-rsa":
        return RSA_SIGNATURES
    return next((family for family in FAMILIES if algorithm in family), None)


def _fingerprint_of_text(algorithm: str, blob: str) -> str:
    try:
        load_ssh_public_key(f"{algorithm} {blob}".encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(f"host_key is incomplete or damaged; {_ACCEPTED}.") from None
    return fingerprint(base64.b64decode(blob))
