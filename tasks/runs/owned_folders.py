"""Folders owned by a running process: a lock file protects each from the sweep.

The kernel releases a lock when its process ends in any way; containers of one machine share locks.
On a file system shared by several machines, locks of other machines may be invisible: there the
lock file's time counts, which its owner renews.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import IO

PREFIX = "mailup-run-"
_LOCK = ".in-use"
BEAT_SECONDS = 300
SILENT_SECONDS = 10 * BEAT_SECONDS
"""Age at which a folder of another machine, or of this one before a reboot, is abandoned."""
UNLOCKED_SECONDS = 24 * 3600
"""The same for a folder without a lock file, as older versions created."""


@contextmanager
def owned_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder that only this user can read, and remove it in any case."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        with _held(folder / _LOCK):
            yield folder
    finally:
        _remove(folder)


def sweep(parent: Path) -> int:
    """Remove abandoned folders; return their number."""
    return sum(map(_swept, parent.glob(PREFIX + "*")))


def _swept(folder: Path) -> bool:
    try:
        abandoned = _abandoned(folder)
    except OSError:  # another process was faster, or it is another user's
        return False
    if abandoned:
        _remove(folder)
    return abandoned


def _abandoned(folder: Path) -> bool:
    """Whether the process that created a folder has ended, as far as this machine can tell."""
    path = folder / _LOCK
    if not path.exists():
        return _age(folder) > UNLOCKED_SECONDS
    with path.open("r+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # this file system has no locks
            return _age(path) > SILENT_SECONDS
        return lock.read() == _boot() or _age(path) > SILENT_SECONDS


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold a lock until the end, and renew its time."""
    ended = Event()
    with path.open("x", encoding="ascii") as lock:
        with suppress(OSError):  # without locks the time alone counts
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write(_boot())
            lock.flush()
        Thread(target=_renew, args=(lock, ended), daemon=True).start()
        try:
            yield
        finally:
            ended.set()


def _renew(lock: IO[str], ended: Event) -> None:
    while not ended.wait(BEAT_SECONDS):
        with suppress(OSError, ValueError):  # the disk is full, or the file was closed meanwhile
            os.utime(lock.fileno())


def _boot() -> str:
    """Id of this boot of this machine; "?" if unknown."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return "?"


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _remove(folder: Path) -> None:
    # The lock file last: after an interruption the next sweep still finds it unlocked.
    with suppress(OSError):
        for each in list(folder.iterdir()):
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)
            elif each.name != _LOCK:
                each.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
