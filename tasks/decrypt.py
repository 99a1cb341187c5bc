"""Opens a file that a client encrypted with OpenPGP, through the gpg program."""

import shutil
import tempfile
from pathlib import Path
from typing import NoReturn

from prefect_shell import ShellOperation  # type: ignore[import-untyped]

from blocks.errors import ConfigurationError, FileHeld
from blocks.keys import GpgKey
from tasks.scratch import PREFIX, scratch_parent

DECRYPTED_NAME = "decrypted"
"""Name of the decrypted file; the client's name of it is never used as a path."""

DEFAULT_MAX_BYTES = 4_000_000_000
"""Most bytes that may come out of an encrypted file: OpenPGP compresses, so bombs are possible."""

TIMEOUT_SECONDS = 1800
"""Longest time that gpg may work on one file."""

# Without --quiet: gpg then says in its status lines whether key or passphrase is the wrong one.
# Every value reaches this text through the environment and is only ever read as "$NAME".
_COMMAND = """
set -u
umask 077
trap 'gpgconf --homedir "$KEY_RING" --kill all' EXIT
run() { timeout "$SECONDS_EACH" gpg --batch --no-tty --homedir "$KEY_RING" "$@" 2>&1; }
for key in "$KEY_RING"/*.asc; do
  run --status-file "$key.status" --import "$key" >/dev/null
done
ulimit -f "$MAX_KIBIBYTES"
run --pinentry-mode loopback --passphrase-file "$KEY_RING/passphrase" --trust-model always \
  --no-auto-key-retrieve --status-file "$KEY_RING/status" --output "$TARGET" --yes \
  --decrypt "$SOURCE" >/dev/null
echo "$?" >"$KEY_RING/exit"
"""
_TIMED_OUT = "124"
_MARK = "[GNUPG:]"


def decrypt(path: Path, key: GpgKey, folder: Path, max_bytes: int = DEFAULT_MAX_BYTES) -> Path:
    """Return the decrypted file, inside `folder`; its signature is checked if `key` has signers.

    Raises FileHeld with reason "decrypt" (not encrypted, for another key, damaged), "signature"
    or "too_big", and ConfigurationError where gpg is missing or the block's keys or passphrase
    are wrong. Keys live in a folder of their own for as long as this call takes.
    """
    if shutil.which("gpg") is None:
        raise ConfigurationError("The program gpg is missing on this worker; install GnuPG 2.2.")
    target = folder / DECRYPTED_NAME
    # gpg's sockets need a short path, which a run's scratch folder need not have.
    # Beside the scratch folders and named like them, so that a killed run's ring is swept, too; not
    # inside one, for the path of the agent's socket has to be short.
    with tempfile.TemporaryDirectory(
        prefix=PREFIX, dir=scratch_parent(), ignore_cleanup_errors=True
    ) as name:
        ring = Path(name)
        _write_keys(ring, key)
        _run(ring, path, target, max_bytes)
        try:
            _judge(ring, target, key, max_bytes)
        except Exception:
            target.unlink(missing_ok=True)
            raise
    return target


def _write_keys(ring: Path, key: GpgKey) -> None:
    """Put the keys where only gpg, in a folder with mode 0700, reads them."""
    passphrase = key.passphrase.get_secret_value() if key.passphrase else ""
    (ring / "passphrase").write_text(passphrase)
    # The agent encrypts the key again for its own store: slow by design, and of no use here.
    (ring / "gpg-agent.conf").write_text("s2k-count 65536\n")
    (ring / "private.asc").write_text(key.private_key.get_secret_value())
    for number, signer in enumerate(key.signers):
        (ring / f"signer-{number}.asc").write_text(signer)


def _run(ring: Path, source: Path, target: Path, max_bytes: int) -> None:
    operation = ShellOperation(
        commands=[_COMMAND],
        env={
            "KEY_RING": str(ring),
            "SOURCE": str(source.absolute()),
            "TARGET": str(target.absolute()),
            "MAX_KIBIBYTES": str(max_bytes // 1024 + 1),
            "SECONDS_EACH": str(TIMEOUT_SECONDS),
        },
        stream_output=False,
    )
    with operation:
        process = operation.trigger()
        process.wait_for_completion()
        # prefect-shell leaves its ends of the pipes open.
        for pipe in (process._process.stdout, process._process.stderr):
            pipe.close()


def _judge(ring: Path, target: Path, key: GpgKey, max_bytes: int) -> None:
    """Raise what gpg's machine-readable status lines amount to."""
    if not _imported(ring / "private.asc.status"):
        raise ConfigurationError(
            "gpg cannot read the private key. Accepted is a private key in ASCII armor; mend "
            "private_key of the GpgKey block."
        )
    status = _status(ring / "status")
    if target.exists() and target.stat().st_size > max_bytes:
        _hold(f"More than {max_bytes} bytes come out of the encrypted file", "too_big")
    if (ring / "exit").read_text().strip() == _TIMED_OUT:
        _hold(f"gpg did not finish within {TIMEOUT_SECONDS} seconds", "decrypt")
    if ["DECRYPTION_OKAY"] not in status or not target.exists():
        _explain(status)
    if key.signers and not _signed(status, _accepted(ring, len(key.signers))):
        _hold("The file carries no valid signature of an accepted signer", "signature")


def _explain(status: list[list[str]]) -> NoReturn:
    """Say why gpg did not decrypt."""
    words = {line[0] for line in status}
    if any(line[:2] == ["ERROR", "pkdecrypt_failed"] for line in status):
        raise ConfigurationError(
            "gpg cannot open the private key. Mend the passphrase of the GpgKey block."
        )
    if "DECRYPTION_KEY" in words:
        _hold("The encrypted file is damaged or cut", "decrypt")
    if "ENC_TO" in words:
        _hold("The file is encrypted for another key", "decrypt")
    _hold("The file is not encrypted with OpenPGP for a key", "decrypt")


def _accepted(ring: Path, signers: int) -> set[str]:
    """Fingerprints of the signers' keys."""
    found: set[str] = set()
    for number in range(signers):
        imported = _imported(ring / f"signer-{number}.asc.status")
        if not imported:
            raise ConfigurationError(
                f"gpg cannot read public key {number + 1} of the signers. Accepted is a public "
                "key in ASCII armor; mend signers of the GpgKey block."
            )
        found |= imported
    return found


def _imported(path: Path) -> set[str]:
    return {line[2] for line in _status(path) if line[0] == "IMPORT_OK"}


def _signed(status: list[list[str]], accepted: set[str]) -> bool:
    """Whether a good signature (not expired, not revoked) is by an accepted primary key."""
    good = False
    for word, *values in status:
        if word in ("GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"):
            good = word == "GOODSIG"
        if word == "VALIDSIG" and good and values[-1] in accepted:
            return True
    return False


def _status(path: Path) -> list[list[str]]:
    """Status lines of gpg as words, without their mark."""
    if not path.exists():
        return []
    lines = path.read_text(errors="replace").splitlines()
    return [line.split()[1:] for line in lines if line.startswith(_MARK)]


def _hold(fact: str, reason: str) -> NoReturn:
    raise FileHeld(
        f"{fact}. Accepted is a file encrypted for the key of the GpgKey block and, where signers "
        "are set, signed by one of them; ask the client to send it again.",
        reason=reason,
    )
