"""Runs the gpg program with keys that exist only during the call."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from prefect_shell import ShellOperation  # type: ignore[import-untyped]
from pydantic import SecretStr

from blocks.errors import ConfigurationError
from tasks.gpg.status import StatusLines, imported, read_status
from tasks.runs.owned_folders import owned_folder
from tasks.runs.scratch import memory_parent, scratch_parent

TIMEOUT_SECONDS = 1800
"""Timeout of gpg for one file."""

LONGEST_SOCKET = 107
"""Maximum length of the path of a socket on Linux, in bytes."""

PRIVATE, RECIPIENT = "private", "recipient"
"""Names of keys: the own private key, and (with a number) those for which gpg encrypts."""

# Without --quiet: status lines then tell a wrong key from a wrong passphrase. All values come from
# the environment and is only read as "$NAME"; unquoted are only options, numbers and fingerprints.
# No file name gets into a message. Keys and passphrase come through pipes, whose numbers are in the
# environment. The pipe ALIVE closes when the run ends in any way: then gpg and its agent are ended,
# and the keys are deleted.
_COMMAND = """
set -u
umask 077
export LC_ALL=C
stop_agent() { gpgconf --homedir "$KEY_RING" --kill all; }
{ read -r _ <&"$ALIVE"; trap "" TERM; kill -- "-$$"; stop_agent; rm -rf -- "$KEY_RING"; } \
  >/dev/null 2>&1 &
guard=$!
trap 'kill "$guard"; stop_agent' EXIT
run() {
  timeout --foreground "$SECONDS_EACH" gpg --batch --no-tty --homedir "$KEY_RING" "$@" 2>&1
}
for key in $KEYS; do
  run --status-file "$KEY_RING/${key%=*}.status" --import <&"${key#*=}" >/dev/null
done
recipients=$(cat "$KEY_RING/$RECIPIENT"-*.status 2>/dev/null \
  | sed -n 's/^\\[GNUPG:\\] IMPORT_OK [0-9]* \\([0-9A-F]*\\)$/--recipient \\1/p')
ulimit -f "$MAX_KIBIBYTES"
run --pinentry-mode loopback --passphrase-fd "$PASSPHRASE" --trust-model always \
  --no-auto-key-retrieve --status-file "$KEY_RING/status" --set-filename "" --output "$TARGET" \
  --yes $recipients $ACTION -- "$SOURCE" >/dev/null
echo "$?" >"$KEY_RING/exit"
"""
_TIMED_OUT = 124
_CODE = 0xFFFF
"""Mask of the error code in libgpg-error's numbers: `gpg-error 11` explains it."""


@dataclass(frozen=True)
class GpgResult:
    """gpg's answer: exit code, status lines, and the fingerprints of each key."""

    exit: int
    status: StatusLines
    fingerprints: dict[str, set[str]]

    @property
    def timed_out(self) -> bool:
        """Whether gpg was stopped because it took too long."""
        return self.exit == _TIMED_OUT

    @property
    def words(self) -> set[str]:
        """The keywords of the status lines."""
        return {line.keyword for line in self.status}

    @property
    def failure(self) -> str:
        """gpg's error number as text, such as " (gpg's error 11)", or empty."""
        codes = [int(line.words[0]) & _CODE for line in self.status if line.keyword == "FAILURE"]
        return f" (gpg's error {codes[-1]})" if codes else ""


def run_gpg(
    action: str,
    source: Path,
    target: Path,
    keys: Mapping[str, str],
    *,
    passphrase: SecretStr | None,
    max_bytes: int | None = None,
) -> GpgResult:
    """Run gpg from `source` to `target`, with only these keys (name: ASCII armor).

    `action`: --decrypt, or --encrypt with or without --sign. A key that gpg cannot read has no
    fingerprints in the answer. At most about `max_bytes` are written. ConfigurationError if gpg is
    missing.
    """
    if shutil.which("gpg") is None:
        raise ConfigurationError("The program gpg is missing on this worker; install GnuPG 2.2.")
    # gpg's sockets need a short path, unlike the run's scratch folder.
    with owned_folder(_parent(keys)) as ring:
        _check_length(ring)
        # The agent encrypts the key for its own store: slow by design, and useless here.
        (ring / "gpg-agent.conf").write_text("s2k-count 65536\n")
        limit = "unlimited" if max_bytes is None else str(max_bytes // 1024 + 1)
        _run(ring, action, source, target, limit, keys, passphrase)
        return GpgResult(
            int((ring / "exit").read_text()),
            _status(ring / "status"),
            {name: imported(_status(ring / f"{name}.status")) for name in keys},
        )


def _parent(keys: Mapping[str, str]) -> Path:
    """Folder for the key ring: in memory for private keys, which gpg stores as files."""
    place = memory_parent()
    if place is None and any("PRIVATE KEY" in armor for armor in keys.values()):
        raise ConfigurationError(
            "This worker has no folder in memory, and private keys are not written to disk. "
            "Accepted is a writable /dev/shm, or a scratch folder (MAILUP_EXCHANGE_SCRATCH) on a "
            "tmpfs; mount one."
        )
    return place or scratch_parent()


def _check_length(ring: Path) -> None:
    # gpg would only report a missing key.
    beyond = len(os.fsencode(ring / "S.gpg-agent.browser")) - LONGEST_SOCKET
    if beyond > 0:
        raise ConfigurationError(
            f"The path of the scratch folder is {beyond} bytes too long for gpg's sockets. Set "
            "MAILUP_EXCHANGE_SCRATCH (or TMPDIR) to a shorter one on this worker."
        )


def _run(
    ring: Path, action: str, source: Path, target: Path, limit: str, keys: Mapping[str, str],
    passphrase: SecretStr | None,
) -> None:  # fmt: skip
    with ExitStack() as pipes:
        secret = passphrase.get_secret_value() if passphrase else ""
        passphrase_end = pipes.enter_context(_piped(secret))
        ends = {name: pipes.enter_context(_piped(armor)) for name, armor in keys.items()}
        alive = pipes.enter_context(_alive())
        operation = ShellOperation(
            commands=[_COMMAND],
            env={
                "KEY_RING": str(ring),
                "KEYS": " ".join(f"{name}={end}" for name, end in ends.items()),
                "PASSPHRASE": str(passphrase_end),
                "ALIVE": str(alive),
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
            process = operation.trigger(pass_fds=(passphrase_end, alive, *ends.values()))
            process.wait_for_completion()
            # prefect-shell leaves its ends of the pipes open.
            for pipe in (process._process.stdout, process._process.stderr):
                pipe.close()


@contextmanager
def _piped(text: str) -> Iterator[int]:
    """Yield the read end of a pipe with a text, which stays in memory."""
    reading, writing = os.pipe()
    # A pipe may be smaller than a key: it is read while more is written.
    writer = Thread(target=_write, args=(writing, text.encode()), daemon=True)
    writer.start()
    try:
        yield reading
    finally:
        os.close(reading)  # this also ends an unread writer
        writer.join()


def _write(end: int, content: bytes) -> None:
    with suppress(BrokenPipeError), os.fdopen(end, "wb", buffering=0) as pipe:
        while content:
            content = content[pipe.write(content) or 0 :]


@contextmanager
def _alive() -> Iterator[int]:
    """Yield the read end of a pipe that closes when this process ends in any way."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(writing)
        os.close(reading)


def _status(path: Path) -> StatusLines:
    return read_status(path.read_bytes()) if path.exists() else []
