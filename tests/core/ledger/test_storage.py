"""Promises of the ledger's storage: a name means the same bytes, and nothing is left over."""

from pathlib import Path

import pytest

from blocks.errors import RunStopped
from blocks.ledger.storage import Storage


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file to be stored."""
    path = tmp_path / "export.gpg"
    path.write_bytes(b"anna")
    return path


def test_what_was_cut_off_is_removed_with_the_next_attempt(tmp_path: Path, source: Path) -> None:
    """A second attempt for the same owner leaves one file; other owners and kinds keep theirs."""
    storage = Storage(str(tmp_path / "storage"))
    others = [storage.put(source, "staged", "acme-11"), storage.put(source, "snapshots", "acme-1")]
    lost = storage.put(source, "staged", "acme-1")
    (tmp_path / "storage" / f"{lost}.part").write_bytes(b"an")
    kept = storage.put(source, "staged", "acme-1")

    there = {str(path.relative_to(tmp_path / "storage")) for path in tmp_path.rglob("*/acme-*")}
    assert kept != lost
    assert there == {kept, *others}
    assert storage.get(kept, tmp_path / "back").read_bytes() == b"anna"


def test_removing_twice_is_harmless(tmp_path: Path, source: Path) -> None:
    """Reading a missing file stops the run with a message that says what to restore."""
    storage = Storage(str(tmp_path / "storage"))
    name = storage.put(source, "staged", "acme-1")
    for _ in range(2):
        storage.remove(name)
    with pytest.raises(RunStopped, match="Restore the storage"):
        storage.get(name, tmp_path / "back")
