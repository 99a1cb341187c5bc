"""What is kept on a machine can be read by its user alone, whatever the umask is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.ledger import leases
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store, files_on_disk
from tasks.checks.findings import Subject
from tasks.checks.ledgers import check_permissions
from tasks.runs.scratch import scratch_folder

pytestmark = pytest.mark.core

SUBJECT = Subject("ledger/acme")


@pytest.fixture(params=[0, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """What the process would let others do."""
    former = os.umask(request.param)
    yield request.param
    os.umask(former)


def modes(top: Path) -> dict[str, int]:
    """The rights of all that is below a folder."""
    return {str(path.relative_to(top)): path.stat().st_mode & 0o777 for path in top.rglob("*")}


def verdict(home: Path) -> tuple[str, str]:
    url = f"sqlite:///{home}/ledger.db"
    found = check_permissions(SUBJECT, files_on_disk(url), Storage(str(home / "storage")))
    return found.verdict, found.text


@pytest.mark.usefixtures("umask")
def test_ledger_and_storage_are_made_for_one_user(tmp_path: Path) -> None:
    """Database, journals, staged exports, archives, and every folder made for them."""
    home, source = tmp_path / "new" / "home", tmp_path / "file"
    source.write_bytes(b"anna@example.it")
    storage = Storage(str(home / "storage"))
    with Store(f"sqlite:///{home}/ledger.db") as store, store.transaction():
        storage.put(source, "staged", "acme-1")
        storage.put_as(source, storage.new_name("archive", "acme-1", ".zip"))
        storage.check()
        found = modes(tmp_path)
    assert {"new/home/ledger.db", "new/home/ledger.db-wal", "new/home/ledger.db-shm"} <= set(found)
    del found["file"]
    for name, mode in found.items():
        assert mode == (0o700 if (tmp_path / name).is_dir() else 0o600), name
    assert verdict(home) == ("ok", "other users of this machine cannot read it")


@pytest.mark.usefixtures("umask")
def test_a_scratch_folder_is_made_for_one_user(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are the files that a run makes in it; the process's umask is its own again afterwards."""
    monkeypatch.setenv("MAILUP_EXCHANGE_SCRATCH", str(scratch / "made"))
    before = os.umask(0)
    os.umask(before)
    with scratch_folder() as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_text("anna@example.it")
        found = modes(scratch)
    for name, mode in found.items():
        assert not mode & 0o077, name
    assert os.umask(before) == before


def test_what_an_older_version_left_open_is_closed_or_reported(tmp_path: Path) -> None:
    """Opening a ledger closes its files, and a folder of the storage all that is in it; folders
    that the operator made are reported, and left as they are."""
    url, storage = f"sqlite:///{tmp_path}/ledger.db", Storage(str(tmp_path / "storage"))
    source = tmp_path / "file"
    source.write_bytes(b"anna@example.it")
    with Store(url):
        old = storage.put(source, "archive", "acme-1")
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    found = verdict(tmp_path)
    assert found[0] == "fix"
    assert "ledger.db" in found[1]
    assert old in found[1]

    with Store(url, read_only=True):
        assert (tmp_path / "ledger.db").stat().st_mode & 0o777 == 0o644
    with Store(url) as store:
        assert leases.take(store, "acme/import") is not None
        storage.put(source, "archive", "acme-2")
        found = verdict(tmp_path)
    assert found == (
        "note",
        f"folders can be listed by other users of this machine: {tmp_path}, {tmp_path / 'storage'}",
    )
    assert (tmp_path / "storage" / old).stat().st_mode & 0o777 == 0o600
    assert tmp_path.stat().st_mode & 0o777 == 0o755
