"""How quickly OpenSSH's server opens the channel."""

import time
from typing import Any

import paramiko
import pytest

from tests.contract.real_servers.catalogue import Server

pytestmark = [
    pytest.mark.contract,
    pytest.mark.parametrize("running_server", ["sshd"], indirect=True),
]

LATE_ACKNOWLEDGEMENT_SECONDS = 0.04  # Linux: TCP_DELACK_MIN


def test_the_channel_waits_for_no_late_acknowledgement(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server says between log-in and channel is acknowledged at once."""
    took: list[float] = []
    open_session = paramiko.Transport.open_session

    def timed(self: paramiko.Transport, *arguments: Any, **more: Any) -> paramiko.Channel:
        begun = time.monotonic()
        channel = open_session(self, *arguments, **more)
        took.append(time.monotonic() - begun)
        return channel

    monkeypatch.setattr(paramiko.Transport, "open_session", timed)
    for _ in range(10):
        with server.connect():
            pass
    assert min(took) < LATE_ACKNOWLEDGEMENT_SECONDS / 2
