"""Findings of a ledger check, which leaves nothing written."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import create_engine, text

from blocks.ledger.storage import Storage
from blocks.ledger.store import Store
from tasks.checks import ledgers
from tasks.checks.findings import Finding, Subject, to_fix
from tasks.checks.ledgers import check_ledger, check_room

pytestmark = pytest.mark.core

SUBJECT = Subject("ledger/default")
UNREACHABLE = "postgresql+psycopg://somebody:hidden-word@127.0.0.1:1/ledger"


def checked(url: str, storage: str) -> list[Finding]:
    look: Callable[[], Store] = partial(Store, url, read_only=True)
    findings = list(check_ledger(SUBJECT, look, partial(Store, url), partial(Storage, storage)))
    assert all(finding.remedy for finding in to_fix(findings))
    return findings


def test_a_ledger_in_use_is_read_and_written(tmp_path: Path) -> None:
    """Database and storage are tried by writing, and hold what they held before."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    Store(url).close()
    assert [each.verdict for each in checked(url, str(tmp_path / "storage"))] == ["ok", "ok"]
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM leases")).scalar() == 0
    engine.dispose()
    assert list((tmp_path / "storage").iterdir()) == []


def test_a_new_ledger_is_no_fault_and_is_not_made(tmp_path: Path) -> None:
    """The first run creates it; a check does not."""
    found = checked(f"sqlite:///{tmp_path}/ledger.db", str(tmp_path / "storage"))
    assert found[0].verdict == "note"
    assert not (tmp_path / "ledger.db").exists()


@pytest.mark.parametrize(("revision", "verdict"), [("0001", "note"), ("9999", "fix")])
def test_a_ledger_of_another_version(tmp_path: Path, revision: str, verdict: str) -> None:
    """An older one is upgraded by the next run, which is noted; a newer one stops every run."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    Store(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ledger_schema SET version_num = :it"), {"it": revision})
    engine.dispose()
    found = checked(url, str(tmp_path / "storage"))
    assert found[0].verdict == verdict
    assert found[1].verdict == "ok"


def test_a_database_that_does_not_answer_hides_no_storage(tmp_path: Path) -> None:
    """Both are reported; neither shows the password."""
    (tmp_path / "file").write_bytes(b"")
    database, storage = checked(UNREACHABLE, str(tmp_path / "file" / "storage"))
    assert (database.verdict, storage.verdict) == ("fix", "fix")
    assert "did not answer" in database.text
    assert "could not write" in storage.text
    assert "hidden-word" not in str((database, storage))


class Usage(NamedTuple):
    """What the system reports about a disk."""

    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "verdict"), [(9 << 30, "ok"), (1 << 30, "note"), (100 << 20, "fix")]
)
def test_disk_space_is_reported_before_it_is_used_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str
) -> None:
    """The disk is that of the nearest folder that exists."""
    asked: list[Path] = []

    def usage(path: Path) -> Usage:
        asked.append(path)
        return Usage(10 << 30, 0, free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    found = check_room(SUBJECT, "room", tmp_path / "not" / "yet")
    assert found.verdict == verdict
    assert asked == [tmp_path]
    assert ledgers.TOO_LITTLE_BYTES < ledgers.LITTLE_BYTES
