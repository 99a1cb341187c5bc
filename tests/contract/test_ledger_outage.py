"""The ledger's database goes away, hangs or is locked, and comes back."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from blocks.errors import ConfigurationError, LeaseHeld, LedgerUnavailable
from blocks.ledger import bounds, files, leases, store
from blocks.ledger.files import FileKey
from blocks.ledger.store import Store
from tests.journeys.harness.fault_proxy import new_host, relay
from tests.servers.databases import Database
from tests.servers.postgresql import Postgres

KEY = FileKey("acme", "import:1", "ab" * 32)


def enter(opened: Store) -> files.FileEntry:
    return files.enter(opened, KEY, name="a.csv", size=10, agreement="v1", run="r1")


def test_a_database_that_is_restarted_is_waited_for(postgresql: Postgres) -> None:
    """While it is away, steps end in an error that is retried; then the same store works again."""
    with Store(postgresql()) as opened:
        entry = enter(opened)
        postgresql.stop()
        try:
            with pytest.raises(LedgerUnavailable) as caught:
                files.move_to(opened, entry.id, "submitting")
        finally:
            postgresql.start()
        files.move_to(opened, entry.id, "submitted")

        known = files.find(opened, KEY)
        assert known is not None
        assert (caught.value.retry, known.state) == (True, "submitted")


def test_a_lease_outlives_a_restart_of_the_database(postgresql: Postgres) -> None:
    """The renewal in the background continues when the database is back."""
    url = postgresql()
    with Store(url) as opened, leases.held(opened, "client/acme", wait_seconds=0, seconds=3):
        postgresql.stop()
        postgresql.start()
        with Store(url) as other, pytest.raises(LeaseHeld):
            other_lease = leases.held(other, "client/acme", wait_seconds=4)
            other_lease.__enter__()


def test_a_transaction_that_hangs_elsewhere_is_waited_for_only_so_long(
    postgresql: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that died in a transaction leaves a lock: the step is retried, the lock ended."""
    monkeypatch.setattr(store, "BUSY_SECONDS", 1)
    monkeypatch.setattr(store, "IDLE_SECONDS", 2)
    database = Database("postgresql", postgresql())
    with Store(database.url) as opened, Store(database.url) as dead:
        entry = enter(opened)
        with pytest.raises(LedgerUnavailable), dead.transaction() as hanging:
            hanging.exec_driver_sql("UPDATE files SET state = 'held'")
            with pytest.raises(LedgerUnavailable):
                files.move_to(opened, entry.id, "submitting")
            _retried(opened, entry.id)
        known = files.find(opened, KEY)
        assert known is not None
        assert known.state == "submitted"


def _retried(opened: Store, file_id: int) -> None:
    """Move on as a task does, which repeats what may work in a moment."""
    for _ in range(5):
        with suppress(LedgerUnavailable):
            files.move_to(opened, file_id, "submitted")
            return


def test_a_locked_file_is_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite: a lock of another process ends the step, to be retried; then it works."""
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.3)
    place = tmp_path / "ledger.db"
    with Store(f"sqlite:///{place}") as opened, closing(sqlite3.connect(place)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable):
            enter(opened)
        other.execute("COMMIT")
        assert enter(opened).state == "collected"


def test_a_user_without_rights_is_a_setting_to_mend(postgresql: Postgres) -> None:
    """A URL whose user may not create tables is reported as such, and not retried."""
    url = postgresql()
    database = Database("postgresql", url)
    database.run("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    user = url.replace(f"{postgresql.password}@", "reader@").replace("postgres:", "reader:")
    with pytest.raises(ConfigurationError, match="InsufficientPrivilege"):
        Store(user)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP ROLE reader")


@pytest.mark.parametrize("part", ["username", "password", "database"])
def test_what_postgresql_refuses_at_the_door_is_a_setting_to_mend(
    postgresql: Postgres, part: str
) -> None:
    """A wrong password is not tried again: it may lock the user."""
    url = make_url(postgresql()).set(**{part: "wrong"}).render_as_string(hide_password=False)
    with pytest.raises(ConfigurationError, match="Ledger block's URL is wrong") as caught:
        Store(url)
    assert not caught.value.retry


def test_a_database_that_falls_silent_is_given_up(
    postgresql: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent server ends the step after a time-out, to be retried."""
    monkeypatch.setattr(bounds, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(store, "LEDGER_CONNECT_SECONDS", 2)
    url = make_url(postgresql())
    with (
        relay(new_host(), url.port or 0) as way,
        Store(url.set(host=way.host).render_as_string(hide_password=False)) as opened,
    ):
        entry = enter(opened)
        way.suffer("hangs")
        for _ in range(2):  # a connection that is open, and one that is made
            with pytest.raises(LedgerUnavailable):
                files.move_to(opened, entry.id, "submitting")
        way.suffer("none")
        files.move_to(opened, entry.id, "submitted")
