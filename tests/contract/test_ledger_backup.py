"""A ledger is backed up while it is in use and restored, by the very commands of the manual."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blocks.errors import RunStopped
from blocks.ledger import batches, exports, files, journal
from blocks.ledger.exports import ExportEntry
from blocks.ledger.files import FileKey
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store, naive_utc_now
from tests.operating import follow
from tests.servers.databases import Database

KEY = FileKey("acme", "import:1", "ab" * 32)
KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def settings(database: Database, home: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of the manual's commands."""
    around = {"STORAGE": str(home / "storage"), "BACKUP": str(home / "backup")}
    if database.kind == "sqlite":
        return around | {"LEDGER": str(database.file)}
    server = request.getfixturevalue("postgresql")
    return around | server.environment | {
        "PGDATABASE": database.url.rpartition("/")[2], "RESTORED": "restored"
    }  # fmt: skip


def restored(database: Database) -> str:
    """The URL of the ledger after its restoring."""
    if database.kind == "sqlite":
        return database.url
    return database.url.rpartition("/")[0] + "/restored"


@contextmanager
def busy(write: Callable[[int], None]) -> Iterator[None]:
    """Another process that writes all the time."""
    done = threading.Event()

    def work() -> None:
        number = 0
        while not done.is_set():
            number += 1
            write(number)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        done.set()
        worker.join()


def fill(store: Store, storage: Storage, source: Path) -> ExportEntry:
    """A file that is being sent, and a rendered window with its file and its snapshot."""
    source.write_bytes(b"exported")
    entry = files.enter(store, KEY, name="a.csv", size=10, agreement="v1", run="r1")
    batches.write_ahead(
        store, entry.id, 1, 1, target={"list_id": 1}, rows=2, sha256="cd" * 32, after_import=5
    )
    window = ExportEntry(
        0, "rendered", None, naive_utc_now(), "u.csv", 2, 8, "ef" * 32,
        storage.put(source, "staged", "acme"), storage.put(source, "snapshots", "acme"),
    )  # fmt: skip
    exports.rendered(store, "acme", "unsub:1", window, agreement="v1", run="r1")
    return window


def test_a_ledger_in_use_is_backed_up_and_comes_back(
    database: Database, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Rows, files of the storage and the audit come back as they were; later ones are gone."""
    around, storage = settings(database, tmp_path, request), Storage(str(tmp_path / "storage"))
    with Store(database.url) as store:
        window = fill(store, storage, tmp_path / "exported.csv")
        with busy(lambda number: journal.note(store, "acme", "import:1", f"step {number}")):
            follow(f"back up {KINDS[database.kind]}", around)
        entry = files.find(store, KEY)
        assert entry is not None
        files.move_to(store, entry.id, "submitted")
    shutil.rmtree(tmp_path / "storage")

    follow(f"restore {KINDS[database.kind]}", around)

    with Store(restored(database)) as store:
        known = files.find(store, KEY)
        assert known == entry
        assert batches.of_file(store, known.id, 1)[0].state == "sending"
        assert exports.newest(store, "acme", "unsub:1") == window
        steps = [line.step for line in journal.entries(store)][3:]
        assert steps == [f"step {number + 1}" for number in range(len(steps))]
        files.enter(
            store, FileKey("acme", "import:1", "ff" * 32), name="b.csv", size=1,
            agreement="v1", run="r2",
        )  # fmt: skip
    for name in (window.staged, window.snapshot):
        assert storage.get(name, tmp_path / "again").read_bytes() == b"exported"


def test_a_database_without_its_storage_is_reported(tmp_path: Path) -> None:
    """The missing file is named, and nothing is exported from a wrong beginning."""
    with pytest.raises(RunStopped, match="Restore the storage from its backup"):
        Storage(str(tmp_path)).get("snapshots/gone.parquet", tmp_path / "x")
