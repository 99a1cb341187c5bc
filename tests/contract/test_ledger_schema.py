"""The ledger's schema: new ones at head, older ones upgraded with their data, newer refused."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from blocks.errors import ConfigurationError, LedgerUnavailable
from blocks.ledger import batches, exports, files, schema
from blocks.ledger.files import FileKey
from blocks.ledger.migrations.steps import SCRIPTS
from blocks.ledger.store import Store
from blocks.ledger.tables import metadata
from tests.servers.databases import Database

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests/cases/ledger"
KEY = FileKey("acme", "import:1", "ab" * 32)


@pytest.fixture
def baseline(database: Database) -> Database:
    """A ledger as the first version of this program made and filled it."""
    script = CASES / f"baseline.{database.kind}.sql"
    database.run(script.read_text(encoding="utf-8"))
    return database


def revision(database: Database) -> str:
    return database.rows("SELECT version_num FROM ledger_schema")[0][0]


def tables(database: Database) -> set[str]:
    engine = create_engine(database.url)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


def test_the_newest_step_is_the_head_that_the_program_asks_for() -> None:
    """A step that is added without raising HEAD, or the reverse, is found here."""
    assert SCRIPTS.get_heads() == [schema.HEAD]


def test_a_new_ledger_and_an_upgraded_one_have_the_same_tables(baseline: Database) -> None:
    """The steps lead to exactly the tables that a new ledger is made with.

    SQLite's types are not compared: it does not keep to a text's length.
    """
    compared = {"compare_type": baseline.kind != "sqlite"}
    with Store(baseline.url) as store, store.transaction() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": schema.revisions.name, **compared}
        )
        assert compare_metadata(context, metadata) == []


def test_an_upgrade_keeps_what_is_in_the_ledger(baseline: Database) -> None:
    """A ledger from before there were revisions is known as such and loses nothing."""
    with Store(baseline.url) as store:
        entry = files.find(store, KEY)
        assert entry is not None
        assert (entry.state, entry.counts["submitted"], entry.waiting_run) == ("reported", 3, "")
        assert entry.seen_at.isoformat() == "2026-11-01T06:00:00"
        held = files.find(store, FileKey("acme", "import:1", "ef" * 32))
        assert held is not None
        assert (held.name, held.state, held.reason) == ("contacts è.csv", "held", "file_shrank")
        assert batches.of_file(store, entry.id, 1)[0].import_id == 77
        window = exports.newest(store, "acme", "export-unsubscribed:1")
        assert window is not None
        assert (window.state, window.sha256) == ("delivered", "12" * 32)
        files.set_waiting(store, held.id, "run-1")
    assert revision(baseline) == schema.HEAD


def test_a_ledger_newer_than_the_program_is_refused(database: Database) -> None:
    """An old worker does not write into a ledger whose tables it does not know."""
    Store(database.url).close()
    database.run("UPDATE ledger_schema SET version_num = '9999'")

    for read_only in (False, True):
        with pytest.raises(ConfigurationError, match="supports revisions up to"):
            Store(database.url, read_only=read_only)
    assert revision(database) == "9999"


def test_looking_writes_nothing_and_an_older_ledger_is_reported(baseline: Database) -> None:
    """A dry run upgrades nothing; the message says what to do."""
    before = tables(baseline)
    with pytest.raises(ConfigurationError, match="a dry run changes nothing"):
        Store(baseline.url, read_only=True)
    assert tables(baseline) == before


def test_looking_at_no_ledger_makes_none(tmp_path: Path) -> None:
    """A dry run before the first run leaves no file and no folder."""
    with Store(f"sqlite:///{tmp_path}/new/ledger.db", read_only=True) as store:
        assert store.is_empty
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_opened_to_look_refuses_to_be_written(database: Database) -> None:
    """The database itself refuses writes."""
    Store(database.url).close()
    with Store(database.url, read_only=True) as store, pytest.raises(LedgerUnavailable):
        files.enter(store, KEY, name="a.csv", size=1, agreement="v1", run="")


def test_many_openers_at_once_upgrade_once(baseline: Database) -> None:
    """Runs that start together with a new version do not disturb each other."""
    failed: list[BaseException] = []

    def open_it() -> None:
        try:
            Store(baseline.url).close()
        except BaseException as error:
            failed.append(error)

    openers = [threading.Thread(target=open_it) for _ in range(8)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()
    assert failed == []
    assert revision(baseline) == schema.HEAD


def test_a_ledger_at_head_is_opened_without_alembic(database: Database) -> None:
    """A run opens its ledger many times: alembic is loaded only where there is something to do."""
    code = (
        "import sys; from blocks.ledger.store import Store; "
        f"[Store('{database.url}').close() for _ in range(2)]; "
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
