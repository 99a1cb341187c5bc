"""SQLite's locks on a ledger are those of the process: nothing of ours may release them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.ledger import modes
from blocks.ledger.store import Store, files_on_disk

pytestmark = pytest.mark.core

READ = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
connection.close()
"""


def _open_again(url: str) -> None:
    Store(url).close()


def _only_look(url: str) -> None:
    Store(url, read_only=True).close()


def _check_modes(url: str) -> None:
    modes.restrict(files_on_disk(url))
    list(modes.open_to_others(files_on_disk(url)))


@pytest.mark.parametrize("again", [_open_again, _only_look, _check_modes])
def test_a_second_look_of_a_process_leaves_the_ledger_locked(
    tmp_path: Path, again: Callable[[str], None]
) -> None:
    """While a process has a ledger open, another one that closes it does not remove its log,
    whatever else the first one did with the file."""
    path = tmp_path / "ledger.db"
    url = f"sqlite:///{path}"
    with Store(url) as store:
        with store.transaction() as connection:
            connection.exec_driver_sql("DELETE FROM conditions")
        again(url)
        subprocess.run([sys.executable, "-c", READ, str(path)], check=True, timeout=30)
        assert path.with_name("ledger.db-wal").exists()


def test_the_check_sees_a_lock_that_was_released(tmp_path: Path) -> None:
    """Opening and closing the file by hand is what must not happen: the log is gone then."""
    path = tmp_path / "ledger.db"
    with Store(f"sqlite:///{path}") as store:
        with store.transaction() as connection:
            connection.exec_driver_sql("DELETE FROM conditions")
        os.close(os.open(path, os.O_RDONLY))
        subprocess.run([sys.executable, "-c", READ, str(path)], check=True, timeout=30)
        assert not path.with_name("ledger.db-wal").exists()
