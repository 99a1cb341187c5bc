"""Use and expiry of OpenPGP keys, as shown by gpg. Nothing is stored."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from blocks.errors import ConfigurationError
from tasks.checks.findings import Finding, Subject

SECONDS = 30
FOREVER = datetime.max.replace(tzinfo=UTC)
Use = Literal["encrypt", "sign"]

# Fields of a line of `gpg --with-colons` (doc/DETAILS of GnuPG), counted from 0.
_RECORD, _VALIDITY, _EXPIRES, _USES = 0, 1, 6, 11
_UNUSABLE = "reid"  # revoked, expired, invalid, disabled


@dataclass(frozen=True)
class KeyPart:
    """A key or subkey: whether it is usable, for what, and until when."""

    usable: bool
    uses: str
    expires_at: datetime


def keys_in(armor: str, home: Path) -> list[KeyPart]:
    """The keys in an ASCII armor; none if gpg cannot read it. `home` is an empty folder.

    ConfigurationError if gpg is missing.
    """
    program = shutil.which("gpg")
    if program is None:
        raise ConfigurationError("The program gpg is missing on this worker; install GnuPG 2.2.")
    home.mkdir(mode=0o700, exist_ok=True)
    done = subprocess.run(
        [program, "--batch", "--no-tty", "--homedir", home, "--with-colons", "--show-keys"],
        input=armor.encode(),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    # Split only at line feeds: gpg escapes those in user ids, but not other Unicode line ends.
    return [
        _part(line.decode("utf-8", "replace").split(":"))
        for line in done.stdout.split(b"\n")
        if line.startswith((b"pub:", b"sec:", b"sub:", b"ssb:"))
    ]


def expiry(
    subject: Subject, what: str, armor: str, use: Use, home: Path, now: datetime, remedy: str
) -> Iterator[Finding]:
    """The expiry of the keys of an armor for a use."""
    parts = keys_in(armor, home)
    fitting = [part for part in parts if part.usable and use[0] in part.uses.lower()]
    if not fitting:
        why = f"has no key that can {use}" if parts else "cannot be read by gpg"
        yield subject.fix("key", f"{what} {why}, or it has expired", remedy)
        return
    # The latest expiry counts, limited by that of the primary key, which comes first.
    end = min(parts[0].expires_at, max(part.expires_at for part in fitting))
    if end == FOREVER:
        yield subject.ok("key", f"{what} does not expire")
    else:
        yield subject.dated("key", f"{what} is valid", end, now, remedy)


def _part(fields: list[str]) -> KeyPart:
    expires = fields[_EXPIRES]
    return KeyPart(
        fields[_VALIDITY] not in tuple(_UNUSABLE),
        fields[_USES],
        datetime.fromtimestamp(int(expires), tz=UTC) if expires.isdecimal() else FOREVER,
    )
