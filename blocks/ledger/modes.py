"""Folders and files that only this user can read, whatever the process's umask is."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

FOLDER, FILE = 0o700, 0o600
OTHERS = 0o077
"""The bits that let group and others in."""


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone."""
    if not path.is_dir():
        make_folder(path.parent)
        with suppress(FileExistsError):  # another process was faster
            path.mkdir(mode=FOLDER)


def make_file(path: Path) -> None:
    """Make an empty file for this user alone, or close one that is there to others."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, FILE))
    close([path])


def close(paths: Iterable[Path]) -> None:
    """Take from files and folders what others may do there; what is another user's stays as it is,
    for check_connections to tell of.
    """
    for path in opened(paths):
        with suppress(OSError):
            path.chmod(path.stat().st_mode & ~OTHERS & 0o777)


def opened(paths: Iterable[Path]) -> Iterator[Path]:
    """Those of some files and folders that group or others may read, write or enter."""
    for path in paths:
        with suppress(OSError):  # gone meanwhile, or not for us to look at
            if stat.S_IMODE(path.stat(follow_symlinks=False).st_mode) & OTHERS:
                yield path
