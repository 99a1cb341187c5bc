"""What the adapters of all protocols share: they are context managers, and name what they do."""

from abc import ABC, abstractmethod
from typing import Self

from blocks.errors import FileGone, SyncError
from blocks.transport.base import RemoteFile
from blocks.transport.failures import Operation


class Adapter(ABC):
    """The common part of a `Transport`; `_address` is what messages call the server."""

    _address: str
    _skipped: int = 0

    @abstractmethod
    def stat(self, path: str) -> RemoteFile:
        """See `Transport.stat`."""

    @abstractmethod
    def close(self) -> None:
        """See `Transport.close`."""

    @property
    def skipped(self) -> int:
        """How many illegal names the latest `list` skipped."""
        return self._skipped

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _step(self, verb: str, path: str = "", missing: type[SyncError] = FileGone) -> Operation:
        return Operation(self._address, verb, path, missing=missing)

    def _exists(self, path: str) -> bool:
        try:
            self.stat(path)
        except FileGone:
            return False
        return True
