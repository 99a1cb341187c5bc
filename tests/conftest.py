"""What tests of all kinds share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from keyrings import Keyring, keyring

# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def ring() -> Iterator[Keyring]:
    """Key pairs of us, a client and a stranger."""
    with keyring() as made:
        yield made
