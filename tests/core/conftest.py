"""What tests of the core share: one emulated MailUp, which each of them gets as a new account."""

from collections.abc import Iterator

import pytest

from sandbox.mailup.caller import Caller
from sandbox.mailup.server import Emulator, start


@pytest.fixture(scope="session")
def running_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator without limit and without waits."""
    home = tmp_path_factory.mktemp("emulator")
    with start(home, calls_per_second=0, import_seconds=0) as emulator:
        yield emulator


@pytest.fixture
def new_account(running_emulator: Emulator) -> Caller:
    """A caller of that emulator, whose account is new and whose settings are those of the start."""
    running_emulator.reset()
    return Caller(running_emulator)
