"""Create folders and files that only this user can read, regardless of the umask."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

FOLDER, FILE = 0o700, 0o600
OTHERS = 0o077
"""Permission bits of group and others."""


def make_folder(path: Path) -> None:
    """Create a folder and missing parents, for this user only."""
    if not path.is_dir():
        make_folder(path.parent)
        with suppress(FileExistsError):  # created by another process
            path.mkdir(mode=FOLDER)


def make_file(path: Path) -> None:
    """Create an empty file for this user only, or restrict an existing one to this user.

    A file that exists is never opened: closing it would release every lock that this process holds
    on it (POSIX advisory locks), and other processes would then remove SQLite's log while it is
    used.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE))
    restrict([path])


def restrict(paths: Iterable[Path]) -> None:
    """Remove the permissions of group and others; files of other users are left unchanged, and
    check_connections reports them."""
    for path in open_to_others(paths):
        with suppress(OSError):
            path.chmod(path.stat().st_mode & ~OTHERS & 0o777)


def open_to_others(paths: Iterable[Path]) -> Iterator[Path]:
    """Those files and folders that group or others may read, write or enter."""
    for path in paths:
        with suppress(OSError):  # removed meanwhile, or no permission
            if stat.S_IMODE(path.stat(follow_symlinks=False).st_mode) & OTHERS:
                yield path
