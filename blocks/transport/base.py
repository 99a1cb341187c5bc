"""The interface of all file servers: a few operations, and optional abilities.

Paths use `/` between folders and are absolute, or relative to the login folder. Every path and
every name from outside is checked by `blocks.transport.names` before it is sent to a server.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self


@dataclass(frozen=True)
class RemoteFile:
    """One file on a server: name without folder, size in bytes, modification time (UTC).

    `modified_at` is None where the server gives no time; see `Abilities.modified_times`.
    """

    name: str
    size: int
    modified_at: datetime | None


@dataclass(frozen=True)
class Abilities:
    """What one connected server supports.

    - `rename_over`: a rename replaces an existing file atomically. Without it, `rename(...,
      replace=True)` removes the old file first, so that for a moment there is none.
    - `modified_times`: `list` gives exact times in UTC. Without it they are parsed from a listing
      meant for people: to the minute, in the server's own zone, for sorting only.
    - `resume`: an interrupted download continues where it stopped.
    """

    rename_over: bool
    modified_times: bool
    resume: bool


@dataclass(frozen=True)
class Identity:
    """The host key or certificate that a server presented.

    `kind` is the key type ("ssh-ed25519") or "certificate"; `fingerprint` its SHA-256;
    `expires_at` (UTC) is None for host keys; `verified` is false where verification is off.
    """

    kind: str
    fingerprint: str
    expires_at: datetime | None
    verified: bool


class Transport(Protocol):
    """An open connection to one file server; a context manager that closes it.

    Errors: `ServerUnavailable` and `TransferInterrupted` are transient; `FileGone`: no such file;
    `PathRefused`: a missing folder, a forbidden path or an illegal name. After an unfinished
    transfer or a transient error, open a new connection.
    """

    @property
    def abilities(self) -> Abilities:
        """What this server supports."""

    @property
    def identity(self) -> Identity | None:
        """The server's host key or certificate; None where the protocol has none."""

    @property
    def skipped(self) -> int:
        """How many illegal names the latest `list` skipped; known once it is exhausted."""

    def list(self, folder: str) -> Iterator[RemoteFile]:
        """The files of a folder from one listing; no folders. Links are followed; servers that
        cannot follow them (RFC 959) skip them. The whole listing has arrived when this returns,
        but is not held in memory: a folder may be huge.

        Names with control characters or path separators are skipped: counted in `skipped`, and
        logged as a warning without the name. Servers may hide names that begin with a dot.
        """

    def stat(self, path: str) -> RemoteFile:
        """Size and time of one file. FileGone if there is no file of that name."""

    def read(self, path: str, target: Path, *, size: int | None = None) -> int:
        """Download to `target`, completely or not at all; returns the size.

        After an interruption the received part stays next to `target` in a part-file; it is
        resumed where the server supports that and the file's size and time are the same. `size` is
        the size seen earlier. FileHeld with reason "changed" if it differs or the file changes.
        """

    def write(self, source: Path, path: str) -> int:
        """Upload to exactly this path, replacing an existing file; returns its size there.

        Others can see the file grow: use `blocks.transport.delivery` to deliver files.
        """

    def rename(self, old: str, new: str, *, replace: bool = False) -> None:
        """Rename or move a file. PathRefused if `new` exists and `replace` is not set."""

    def remove(self, path: str) -> None:
        """Delete one file. FileGone if it does not exist."""

    def make_folder(self, path: str) -> None:
        """Create a folder and its parents; existing ones are no error."""

    def close(self) -> None:
        """Close the connection; never raises, may be repeated."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
