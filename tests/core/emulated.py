"""The emulated MailUp as our client has to know it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from blocks.mailup.client import MailUpClient
from blocks.mailup.http.settings import MailUpSettings
from sandbox.mailup.caller import Caller
from sandbox.mailup.server import Emulator, start

KNOWN = (
    "client_id", "client_secret", "username", "password", "console_url", "statistics_url",
    "token_url",
)  # fmt: skip


def settings_of(emulator: Emulator, **changes: Any) -> MailUpSettings:
    """Keys and addresses of an emulator, and whatever else a test wants."""
    return MailUpSettings(**{name: getattr(emulator, name) for name in KNOWN} | changes)


@contextmanager
def emulated(home: Path) -> Iterator[tuple[Caller, MailUpClient]]:
    """An emulator without limit and without waits, and a client that knows it."""
    with (
        start(home, calls_per_second=0, import_seconds=0) as emulator,
        client_of(emulator) as client,
    ):
        yield Caller(emulator), client


def client_of(emulator: Emulator, **more: Any) -> MailUpClient:
    """A client without limit that knows the emulator."""
    return MailUpClient(settings_of(emulator), pace=lambda: None, **more)
