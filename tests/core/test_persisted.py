"""Persisted names do not change, whatever the code is called."""

import json

import pytest

from tests.core.persisted import FILE, persisted

KNOWN = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("place", KNOWN)
def test_no_persisted_name_is_lost(place: str) -> None:
    """Old ledgers, deployments, automations and clients' programs still find their names."""
    assert set(KNOWN[place]) - set(persisted()[place]) == set()
