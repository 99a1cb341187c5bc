"""What every file server can do for us: one protocol of few verbs, with its abilities declared.

Paths are texts with `/` between folders, relative to where the login lands or absolute. Every path
and every name from outside goes through `blocks.transport.names` before it reaches a server.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self


@dataclass(frozen=True)
class RemoteFile:
    """One file on a server: its name without folder, its size in bytes, its time of change (UTC).

    `modified_at` is None where the server tells no time; see `Abilities.modified_times`.
    """

    name: str
    size: int
    modified_at: datetime | None


@dataclass(frozen=True)
class Abilities:
    """What one connected server can do beyond the five verbs.

    - `rename_over`: a rename replaces an existing file in one step. Without it, `rename(...,
      replace=True)` removes the old file first, so that for an instant there is none.
    - `modified_times`: `list` gives exact times in UTC. Without it they are read from a listing
      made for people: to the minute, in the server's own zone, good for sorting only.
    - `resume`: a download goes on where it was cut.
    """

    rename_over: bool
    modified_times: bool
    resume: bool


@dataclass(frozen=True)
class Identity:
    """What a server showed of itself when we connected.

    `kind` is "ssh-ed25519" and the like for a host key, "certificate" in TLS; `fingerprint` its
    SHA-256; `expires_at` (UTC) is None for host keys; `verified` is false where the settings say
    not to compare it with anything.
    """

    kind: str
    fingerprint: str
    expires_at: datetime | None
    verified: bool


class Transport(Protocol):
    """An open connection to one file server; a context manager that closes it.

    Errors: `ServerUnavailable` and `TransferInterrupted` may pass, `FileGone` for a missing file,
    `PathRefused` for a missing folder, a forbidden path or an illegal name. After a transfer that
    was left half-way, and after an error that may pass, open a new connection.
    """

    @property
    def abilities(self) -> Abilities:
        """What this server can do."""

    @property
    def identity(self) -> Identity | None:
        """What the server showed of itself; None where the protocol proves nothing."""

    @property
    def skipped(self) -> int:
        """How many names the latest `list` passed over because they are not legal, once it was
        read to its end."""

    def list(self, folder: str) -> Iterator[RemoteFile]:
        """The files of a folder from one listing; no folders. Links count as
        what they lead to; without a way to ask for that (RFC 959 servers) they are passed over.
        The whole listing has arrived when this returns, but not in memory: a folder may be huge.

        Names with control characters or path steps are never handed out: they are counted in
        `skipped` and a warning without the name is logged. Servers may hide names that begin
        with a dot.
        """

    def stat(self, path: str) -> RemoteFile:
        """Size and time of one file. FileGone when there is no file of that name."""

    def read(self, path: str, target: Path, *, size: int | None = None) -> int:
        """Download to `target`, whole or not at all; the bytes written, equal to the size there.

        What arrived before an interruption stays beside `target` in a part-file and is resumed
        where the server can and shows the same size and time; `size` is the size an earlier look
        saw. FileHeld with reason "changed" when the file differs from that or changes meanwhile.
        """

    def write(self, source: Path, path: str) -> int:
        """Upload to exactly this path, replacing what is there; the bytes the server then shows.

        A reader can see the file grow: `blocks.transport.delivery` is the way to hand over files.
        """

    def rename(self, old: str, new: str, *, replace: bool = False) -> None:
        """Rename or move a file. PathRefused when `new` exists and `replace` is not set."""

    def remove(self, path: str) -> None:
        """Delete one file. FileGone when it is not there."""

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; an existing one is no error."""

    def close(self) -> None:
        """End the connection; never raises, harmless when repeated."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
