"""Folders of runs: a living run's stays however old it is, a killed one's is gone with the next."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployments.cli.shell import ExitCode
from tasks.runs import owned_folders
from tasks.runs.owned_folders import (
    _LOCK,
    PREFIX,
    SILENT_SECONDS,
    UNLOCKED_SECONDS,
    owned_folder,
    sweep,
)
from tests.command import invoke

pytestmark = pytest.mark.core

RUN = """
import sys
from pathlib import Path
from tasks.runs.owned_folders import owned_folder
with owned_folder(Path(sys.argv[1])) as folder:
    (folder / "part").mkdir()
    (folder / "part" / "list.csv").write_text("anna@example.it")
    print(folder, flush=True)
    sys.stdin.read()
"""


@contextmanager
def run(parent: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process that works in a folder of its own until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, parent],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def aged(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_the_folder_of_a_killed_run_is_gone_with_the_next_sweep(tmp_path: Path) -> None:
    """At once, whatever its age; that of a run which works for days stays, and so do others'."""
    other = tmp_path / "somebody-else"
    other.mkdir()
    with run(tmp_path) as (living, folder), run(tmp_path) as (killed, left):
        for path in (folder, folder / _LOCK, other):
            aged(path, 40 * 24 * 3600)
        assert sweep(tmp_path) == 0
        killed.kill()
        killed.wait()
        assert sweep(tmp_path) == 1
        assert not left.exists()
        assert (folder / "part" / "list.csv").exists()
        living.communicate("")
    assert list(tmp_path.iterdir()) == [other]


def test_runs_of_one_process_spare_each_other(tmp_path: Path) -> None:
    """A run within a run, as tests and commands have it, is a living one as well."""
    with owned_folder(tmp_path) as one, owned_folder(tmp_path) as two:
        assert sweep(tmp_path) == 0
        assert {one, two} == set(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("locks", [True, False])
def test_of_another_machine_the_time_of_the_lock_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    """A volume may hide one machine's locks from another: what is renewed is in use, what is not
    renewed for most of an hour is not. The same where a file system knows no locks at all."""
    if not locks:
        monkeypatch.setattr(fcntl, "flock", no_locks)
    folder = tmp_path / f"{PREFIX}elsewhere"
    folder.mkdir()
    (folder / _LOCK).write_text("another boot")
    aged(folder, 5 * SILENT_SECONDS)
    aged(folder / _LOCK, SILENT_SECONDS - 60)
    assert sweep(tmp_path) == 0
    aged(folder / _LOCK, SILENT_SECONDS + 60)
    assert SILENT_SECONDS < 3600
    assert sweep(tmp_path) == 1
    assert not folder.exists()


def no_locks(*_: object) -> None:
    raise OSError("this file system has none")


def test_a_run_renews_the_time_of_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there are no locks, a run that works is known to."""
    monkeypatch.setattr(owned_folders, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with owned_folder(tmp_path) as folder:
        aged(folder / _LOCK, 10 * SILENT_SECONDS)
        until = time.monotonic() + 60
        while (folder / _LOCK).stat().st_mtime < time.time() - SILENT_SECONDS:
            assert time.monotonic() < until
            time.sleep(0.001)
        assert sweep(tmp_path) == 0


def test_a_folder_without_a_lock_is_kept_for_a_day(tmp_path: Path) -> None:
    """So it was made by an older version, whose run may still work."""
    folder = tmp_path / f"{PREFIX}older"
    folder.mkdir()
    aged(folder, UNLOCKED_SECONDS - 60)
    assert sweep(tmp_path) == 0
    aged(folder, UNLOCKED_SECONDS + 60)
    assert sweep(tmp_path) == 1


def test_a_sweep_that_was_cut_off_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock goes last, so that nobody takes what is left for an older version's."""
    with run(tmp_path) as (killed, left):
        killed.kill()
        killed.wait()
    with monkeypatch.context() as cut:
        cut.setattr("shutil.rmtree", stopped)
        with pytest.raises(KeyboardInterrupt):
            sweep(tmp_path)
    assert (left / _LOCK).exists()
    assert sweep(tmp_path) == 1
    assert not left.exists()


def test_the_command_sweeps_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, or again and again, at least once an hour."""
    monkeypatch.setenv("MAILUP_EXCHANGE_SCRATCH", str(tmp_path))
    monkeypatch.setattr("tasks.runs.scratch.SHARED_MEMORY", tmp_path)
    with run(tmp_path) as (killed, left):
        killed.kill()
        killed.wait()
    assert invoke("sweep").stdout == "Folders of killed runs removed: 1\n"
    assert not left.exists()
    assert invoke("sweep", "--every", "90").exit_code == ExitCode.USAGE


def stopped(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
