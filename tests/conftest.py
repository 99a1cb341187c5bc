"""What tests of all kinds share."""

from collections.abc import Iterator

import pytest
from keyrings import Keyring, keyring


@pytest.fixture(scope="session")
def ring() -> Iterator[Keyring]:
    """Key pairs of us, a client and a stranger."""
    with keyring() as made:
        yield made
