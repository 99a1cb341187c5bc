"""The run's scratch folder: the only place where personal data is on disk, only during the run."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tasks.runs.owned_folders import owned_folder, sweep

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there has a random name and mode 0700
IN_MEMORY = ("tmpfs", "ramfs")
MOUNTS = Path("/proc/self/mountinfo")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a new folder that only this user can read, and remove it in any case.

    Folders of killed runs on this machine are removed first.
    """
    sweep_machine()
    # Also for files that libraries create elsewhere meanwhile.
    previous = os.umask(0o077)
    try:
        with owned_folder(scratch_parent()) as folder:
            yield folder
    finally:
        os.umask(previous)


def sweep_machine() -> int:
    """Remove folders of killed runs on this machine; return their number."""
    return sum(map(sweep, {scratch_parent(), memory_parent() or scratch_parent()}))


def scratch_parent() -> Path:
    """MAILUP_EXCHANGE_SCRATCH, or the system's folder for temporary files."""
    parent = Path(os.environ.get("MAILUP_EXCHANGE_SCRATCH") or tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return parent


def memory_parent() -> Path | None:
    """A folder in memory; None if this machine has none."""
    for place in (SHARED_MEMORY, scratch_parent()):
        if os.access(place, os.W_OK | os.X_OK) and file_system(place) in IN_MEMORY:
            return place
    return None


def file_system(place: Path) -> str:
    """The type of a folder's file system, as named by Linux; empty elsewhere."""
    where, deepest, kind = place.resolve(), -1, ""
    with suppress(OSError):
        for line in MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").split("\n")[:-1]:
            mount, _, source = line.partition(" - ")
            escaped = mount.split(" ")[4]
            point = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), escaped))
            # Of two mounts on one point, the later one is visible.
            if where.is_relative_to(point) and len(point.parts) >= deepest:
                deepest, kind = len(point.parts), source.split(" ")[0]
    return kind


def fresh_folder(folder: Path) -> Path:
    """An empty folder; files of an earlier attempt are removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
