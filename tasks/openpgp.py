"""Runs the gpg program with keys that exist only for as long as it takes."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prefect_shell import ShellOperation  # type: ignore[import-untyped]
from pydantic import SecretStr

from blocks.errors import ConfigurationError
from tasks.scratch import PREFIX, scratch_parent

TIMEOUT_SECONDS = 1800
"""Longest time that gpg may work on one file."""

LONGEST_SOCKET = 107
"""Bytes that the path of a socket can have on Linux."""

PRIVATE, RECIPIENT = "private", "recipient"
"""Names of keys: our own one, and (with a number behind) those for which gpg encrypts."""

# Without --quiet: gpg then says in its status lines whether key or passphrase is the wrong one.
# Every value reaches this text through the environment and is only ever read as "$NAME"; the two
# that are not quoted are options of ours, and fingerprints. No name of a file gets into a message.
_COMMAND = """
set -u
umask 077
trap 'gpgconf --homedir "$KEY_RING" --kill all' EXIT
run() { timeout "$SECONDS_EACH" gpg --batch --no-tty --homedir "$KEY_RING" "$@" 2>&1; }
for key in "$KEY_RING"/*.asc; do
  run --status-file "$key.status" --import "$key" >/dev/null
done
recipients=$(cat "$KEY_RING/$RECIPIENT"-*.asc.status 2>/dev/null \
  | sed -n 's/^\\[GNUPG:\\] IMPORT_OK [0-9]* /--recipient /p')
ulimit -f "$MAX_KIBIBYTES"
run --pinentry-mode loopback --passphrase-file "$KEY_RING/passphrase" --trust-model always \
  --no-auto-key-retrieve --status-file "$KEY_RING/status" --set-filename "" --output "$TARGET" \
  --yes $recipients $ACTION "$SOURCE" >/dev/null
echo "$?" >"$KEY_RING/exit"
"""
_TIMED_OUT = 124
_MARK = "[GNUPG:]"
_CODE = 0xFFFF
"""The part of libgpg-error's numbers that says what, not where: `gpg-error 11` explains it."""

Status = list[list[str]]


@dataclass(frozen=True)
class Answer:
    """What gpg said: exit code, status lines as words, and the fingerprints in each key's text."""

    exit: int
    status: Status
    fingerprints: dict[str, set[str]]

    @property
    def timed_out(self) -> bool:
        """Whether gpg was stopped because it took too long."""
        return self.exit == _TIMED_OUT

    @property
    def words(self) -> set[str]:
        """The first words of the status lines."""
        return {line[0] for line in self.status}

    @property
    def failure(self) -> str:
        """gpg's number of what failed, such as " (gpg's error 11)"; empty where it gave none."""
        codes = [int(line[2]) & _CODE for line in self.status if line[0] == "FAILURE"]
        return f" (gpg's error {codes[-1]})" if codes else ""


def run_gpg(
    action: str,
    source: Path,
    target: Path,
    keys: Mapping[str, str],
    *,
    passphrase: SecretStr | None,
    max_bytes: int | None = None,
) -> Answer:
    """Let gpg make `target` of `source`, with these keys (name: ASCII armor) and no others.

    `action` is --decrypt, or --encrypt with or without --sign; a key that gpg cannot read has no
    fingerprints in the answer. No more than about `max_bytes` are written. ConfigurationError
    where the program is missing.
    """
    if shutil.which("gpg") is None:
        raise ConfigurationError("The program gpg is missing on this worker; install GnuPG 2.2.")
    # gpg's sockets need a short path, which a run's scratch folder need not have: the ring is
    # beside the scratch folders and named like them, so that a killed run's ring is swept, too.
    with tempfile.TemporaryDirectory(
        prefix=PREFIX, dir=scratch_parent(), ignore_cleanup_errors=True
    ) as name:
        ring = Path(name)
        _require_short(ring)
        _write_keys(ring, keys, passphrase)
        limit = "unlimited" if max_bytes is None else str(max_bytes // 1024 + 1)
        _run(ring, action, source, target, limit)
        return Answer(
            int((ring / "exit").read_text()),
            _status(ring / "status"),
            {name: _imported(ring / f"{name}.asc.status") for name in keys},
        )


def _require_short(ring: Path) -> None:
    # gpg would only say that it has no key.
    beyond = len(os.fsencode(ring / "S.gpg-agent.browser")) - LONGEST_SOCKET
    if beyond > 0:
        raise ConfigurationError(
            f"The path of the scratch folder is {beyond} bytes too long for gpg's sockets. Set "
            "MAILUP_EXCHANGE_SCRATCH (or TMPDIR) to a shorter one on this worker."
        )


def _write_keys(ring: Path, keys: Mapping[str, str], passphrase: SecretStr | None) -> None:
    """Put the keys where only gpg, in a folder with mode 0700, reads them."""
    secret = passphrase.get_secret_value() if passphrase else ""
    (ring / "passphrase").write_text(secret)
    # The agent encrypts the key again for its own store: slow by design, and of no use here.
    (ring / "gpg-agent.conf").write_text("s2k-count 65536\n")
    for name, text in keys.items():
        (ring / f"{name}.asc").write_text(text)


def _run(ring: Path, action: str, source: Path, target: Path, limit: str) -> None:
    operation = ShellOperation(
        commands=[_COMMAND],
        env={
            "KEY_RING": str(ring),
            "ACTION": action,
            "RECIPIENT": RECIPIENT,
            "SOURCE": str(source.absolute()),
            "TARGET": str(target.absolute()),
            "MAX_KIBIBYTES": limit,
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


def _imported(path: Path) -> set[str]:
    return {line[2] for line in _status(path) if line[0] == "IMPORT_OK"}


def _status(path: Path) -> Status:
    """Status lines of gpg as words, without their mark."""
    if not path.exists():
        return []
    lines = path.read_text(errors="replace").splitlines()
    return [line.split()[1:] for line in lines if line.startswith(_MARK)]
