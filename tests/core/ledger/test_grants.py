"""Batches of people whom a grant subscribes, as a later run reads them from the journal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.ledger import files, grants, journal
from blocks.ledger.files import FileKey
from blocks.ledger.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


@pytest.fixture
def file(store: Store) -> int:
    """A file in the ledger."""
    key = FileKey("acme", "import:1", "a" * 64)
    return files.enter(store, key, name="a.csv", size=1, agreement="x", run="r").id


def note(store: Store, file: int, step: str) -> None:
    """A step of the file's import."""
    with store.transaction() as connection:
        journal.write_of_file(connection, file, step, {}, run="r")


def test_a_batch_is_read_with_all_that_was_seen(store: Store, file: int) -> None:
    """Who was sent, left out, seen to leave once or several times, and is gone in the end."""
    grant = grants.looked(store, file, 1, 1, sent=[2, 3, 4], left_out=[5])
    assert (grant.sent, grant.left_out, grant.gone) == ((2, 3, 4), (5,), None)
    grants.left(store, file, grant, {3})
    grants.left(store, file, grant, {4, 3})
    assert grants.unfinished(store, file) == {2, 3, 4}
    grants.ended(store, file, grant, {3, 4})
    (reported,) = grants.of_file(store, file)
    assert (reported.left, reported.gone) == ({3, 4}, (3, 4))
    assert grants.unfinished(store, file) == frozenset()


def test_a_batch_that_is_looked_at_once_more_counts_once(store: Store, file: int) -> None:
    """It was not begun after the first time; the later look-up decides who is sent."""
    grants.looked(store, file, 1, 1, sent=[2, 3], left_out=[])
    other = grants.looked(store, file, 1, 2, sent=[9], left_out=[])
    again = grants.looked(store, file, 1, 1, sent=[2], left_out=[3])
    reported = grants.of_file(store, file)
    assert [(each.id, each.sent) for each in reported] == [(other.id, (9,)), (again.id, (2,))]


def test_attempts_of_one_import_are_read_together(store: Store, file: int) -> None:
    """A new attempt does not forget whom the one before has sent."""
    grants.looked(store, file, 1, 1, sent=[2], left_out=[])
    note(store, file, "file_begun_again")
    grants.looked(store, file, 2, 1, sent=[3], left_out=[])
    assert [each.attempt for each in grants.of_file(store, file)] == [1, 2]
    assert grants.unfinished(store, file) == {2, 3}


def test_another_import_of_the_same_file_begins_anew(store: Store, file: int) -> None:
    """What was reported is over: its people are nobody's any more."""
    grants.looked(store, file, 1, 1, sent=[2], left_out=[])
    note(store, file, "file_reported")
    note(store, file, "file_begun_again")
    assert grants.of_file(store, file) == []
    grants.looked(store, file, 2, 1, sent=[3], left_out=[])
    assert grants.unfinished(store, file) == {3}


def test_files_do_not_know_each_others_grants(store: Store, file: int) -> None:
    """Lines are those of one file."""
    key = FileKey("acme", "import:1", "b" * 64)
    other = files.enter(store, key, name="b.csv", size=1, agreement="x", run="r").id
    grants.looked(store, file, 1, 1, sent=[2], left_out=[])
    assert grants.of_file(store, other) == []
