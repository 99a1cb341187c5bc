"""Key pairs for the tests of OpenPGP, made with the real gpg."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DATA = b"email;name\na@example.com;Anna\n"
PASSPHRASE = "open $(touch injected); sesame"

needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="skipped: needs gpg")


class Keyring:
    """Key pairs of us, a client and a stranger, in one gpg home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "gpg-agent.conf").write_text("s2k-count 65536\n")
        for name in ("us", "client", "stranger"):
            self.gpg("--quick-gen-key", name, "future-default", "default", "never", user=name)

    def gpg(self, *arguments: str, data: bytes = b"", user: str = "") -> bytes:
        """Run gpg and return what it prints."""
        secret = PASSPHRASE if user == "us" else ""
        fixed = ["gpg", "--homedir", str(self.home), "--batch", "--yes", "--trust-model", "always"]
        loopback = ["--pinentry-mode", "loopback", "--passphrase", secret]
        done = subprocess.run(
            [*fixed, *loopback, *arguments], input=data, capture_output=True, check=True, timeout=60
        )
        return done.stdout

    def private(self, name: str) -> str:
        return self.gpg("--armor", "--export-secret-keys", name, user=name).decode()

    def public(self, name: str) -> str:
        return self.gpg("--armor", "--export", name).decode()

    def fingerprint(self, name: str) -> str:
        """Of the primary key."""
        text = self.gpg("--with-colons", "--list-keys", name).decode()
        return next(line.split(":")[9] for line in text.split("\n") if line.startswith("fpr:"))

    def expiring(self, name: str) -> tuple[str, ...]:
        """A key that was valid for a day in 2020; the options with which gpg lives on that day."""
        then = ("--faked-system-time", "20200101T000000", "--ignore-time-conflict")
        self.gpg(*then, "--quick-gen-key", name, "future-default", "default", "1d")
        return (*then, "--ignore-valid-from")

    def encrypted(self, to: str, by: str = "", data: bytes = DATA) -> bytes:
        signing = ("--sign", "--local-user", by) if by else ()
        return self.gpg(*signing, "--encrypt", "--recipient", to, data=data, user=by)


@contextmanager
def keyring() -> Iterator[Keyring]:
    """A keyring in a folder with a path short enough for gpg's sockets."""
    with tempfile.TemporaryDirectory(prefix="keys-", ignore_cleanup_errors=True) as name:
        try:
            yield Keyring(Path(name))
        finally:
            command = [shutil.which("gpgconf") or "", "--homedir", name, "--kill", "all"]
            subprocess.run(command, check=False, timeout=60)
