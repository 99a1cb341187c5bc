"""Load private SSH keys from text, in OpenSSH or PEM form."""

import io

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from blocks.errors import ConfigurationError

KEY_CLASSES: tuple[tuple[type, type[paramiko.PKey]], ...] = (
    (ed25519.Ed25519PrivateKey, paramiko.Ed25519Key),
    (ec.EllipticCurvePrivateKey, paramiko.ECDSAKey),
    (rsa.RSAPrivateKey, paramiko.RSAKey),
)
_ACCEPTED = (
    "accepted is a complete Ed25519, ECDSA or RSA key in OpenSSH or PEM form, "
    "from its BEGIN line to its END line (convert a PuTTY key with: puttygen -O private-openssh)"
)


def load_private_key(text: str, passphrase: str | None) -> paramiko.PKey:
    """The key in the text. ConfigurationError for another form or a wrong passphrase."""
    key = _read(text.strip().encode() + b"\n", passphrase.encode() if passphrase else None)
    for kind, key_class in KEY_CLASSES:
        if isinstance(key, kind):
            # paramiko reads fewer forms than cryptography; both support OpenSSH's own.
            unencrypted = key.private_bytes(  # type: ignore[attr-defined]
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.NoEncryption(),
            )
            return key_class.from_private_key(io.StringIO(unencrypted.decode()))
    raise ConfigurationError(f"private_key on the server block is not usable; {_ACCEPTED}.")


def _read(text: bytes, passphrase: bytes | None) -> object:
    is_openssh = b"BEGIN OPENSSH PRIVATE KEY" in text
    load = serialization.load_ssh_private_key if is_openssh else serialization.load_pem_private_key
    try:
        return load(text, password=passphrase)
    except TypeError:
        needed = "needs its passphrase" if passphrase is None else "has no passphrase"
        raise ConfigurationError(
            f"private_key on the server block {needed}; set or clear the field passphrase."
        ) from None
    except Exception:
        # cryptography raises a dozen types here, and their texts may quote the key.
        raise ConfigurationError(
            "private_key on the server block cannot be read: it is damaged, "
            f"or the passphrase is wrong; {_ACCEPTED}."
        ) from None
