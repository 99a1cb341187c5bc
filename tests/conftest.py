"""What tests of all kinds share."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import budget
from tests.keyrings import Keyring, keyring
from tests.samples import SAMPLES
from tests.servers.databases import KINDS, Database
from tests.servers.postgresql import Postgres, postgres

# What takes longest begins first: processes that share the tests steal from each other's end, and
# none is left with a long one when the others are done.
LONGEST = (
    "test_exports_truth.py", "test_places.py", "test_leavings.py", "test_import_outages.py",
    "test_watch.py", "test_import_kills.py", "test_hostile_drop.py",
)  # fmt: skip

# How long an example takes says more about the machine than about the code. Examples on top of
# the default are for a property alone that needs them; `make examples` plays many more of all.
PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("sample", max_examples=40, **PATIENT)
settings.register_profile("full", max_examples=1200, **PATIENT)
settings.load_profile("full" if os.environ.get("EXAMPLES") else "sample")


def pytest_configure(config: pytest.Config) -> None:
    """Measure what the tests take; a suite that is played in full has no budget."""
    budget.register(config, judged=not any(sample.is_whole for sample in SAMPLES))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by the files that are known to take long; the others stay as they are."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def ring() -> Iterator[Keyring]:
    """Key pairs of us, a client and a stranger."""
    with keyring() as made:
        yield made


@pytest.fixture
def scratch() -> Iterator[Path]:
    """An empty folder with a path short enough for gpg's sockets."""
    with tempfile.TemporaryDirectory(prefix="t-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server for all tests; calling it makes an empty database."""
    with postgres(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database for a ledger; every test that asks for it runs on each kind."""
    if request.param == "sqlite":
        return Database("sqlite", f"sqlite:///{tmp_path}/ledger.db")
    return Database("postgresql", request.getfixturevalue("postgresql")())
