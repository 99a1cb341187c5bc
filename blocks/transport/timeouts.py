"""How long to wait for a file server: for a connection, for a sign of life, for a transfer."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from blocks.errors import TransferInterrupted

CONNECT_SECONDS = 20.0
READ_SECONDS = 60.0
TRANSFER_SECONDS = 4 * 3600.0
CLOSE_SECONDS = 2.0


@dataclass(frozen=True)
class Timeouts:
    """Seconds for connecting and logging in, for silence in between, for one transfer in all."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    transfer: float = TRANSFER_SECONDS


class Deadline:
    """The end of one transfer, however slowly the other side keeps sending."""

    def __init__(self, seconds: float, address: str) -> None:
        self._ends_at = time.monotonic() + seconds
        self._seconds = seconds
        self._address = address

    def check(self) -> None:
        """TransferInterrupted once the time is used up."""
        if time.monotonic() > self._ends_at:
            raise TransferInterrupted(
                f"{self._address}: the transfer was ended after {self._seconds:g} seconds; "
                "raise transfer_timeout_seconds on the server block if files take that long.",
                address=self._address,
            )

    def watch(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The same blocks; TransferInterrupted before one for which there is no time left."""
        for block in blocks:
            self.check()
            yield block
