"""The run's scratch folder: the only place where personal data is on disk, and only for a while."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "mailup-run-"
ABANDONED_AFTER_SECONDS = 24 * 3600
"""A scratch folder of a run that was killed is removed by a later run when it is this old."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a new folder that only this user can read, and remove it whatever happens.

    Folders that runs which were killed left behind are removed when they are a day old.
    """
    parent = scratch_parent()
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def scratch_parent() -> Path:
    """MAILUP_EXCHANGE_SCRATCH, or else the system's folder for temporary files."""
    parent = Path(os.environ.get("MAILUP_EXCHANGE_SCRATCH") or tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    return parent


def fresh_folder(folder: Path) -> Path:
    """An empty folder: what an earlier attempt of the same task left in it is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _sweep(parent: Path) -> None:
    oldest = time.time() - ABANDONED_AFTER_SECONDS
    for folder in parent.glob(PREFIX + "*"):
        try:
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another run was faster
            continue
