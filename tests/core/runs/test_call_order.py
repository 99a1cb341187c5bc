"""In which ledger a step reserves its calls, if in any."""

from pathlib import Path

import pytest

from blocks.errors import LedgerUnavailable
from blocks.ledger.store import Store
from blocks.ledgers import Ledger
from tasks.runs import steps
from tasks.runs.steps import shared_call_order


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the ledger of the block `acme` is."""
    place = tmp_path / "ledger.db"
    block = Ledger(url=f"sqlite:///{place}")
    monkeypatch.setattr(steps, "load", lambda _kind, name: {"acme": block}[name])
    return place


def test_calls_are_reserved_in_the_ledger(ledger: Path) -> None:
    with shared_call_order("acme", dry_run=False) as store:
        assert isinstance(store, Store)
    assert ledger.exists()


def test_a_dry_run_writes_no_ledger(ledger: Path) -> None:
    with shared_call_order("acme", dry_run=True) as store:
        assert store is None
    assert not ledger.exists()


@pytest.mark.usefixtures("ledger")
def test_a_ledger_that_is_away_keeps_nobody_from_calling(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Ledger) -> None:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(Ledger, "open", away)
    with shared_call_order("acme", dry_run=False) as store:
        assert store is None
