"""Map exceptions of libraries to our own errors; shared by the FTP and SFTP adapters."""

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from blocks.errors import (
    ConfigurationError,
    FileGone,
    HostNotTrusted,
    LoginRefused,
    PathRefused,
    ServerUnavailable,
    SyncError,
    TransferInterrupted,
    is_full,
)
from blocks.transport.spool import TooMuch
from blocks.transport.timeouts import OutOfTime

MALFORMED: dict[type[Exception], type[SyncError]] = {
    ValueError: ServerUnavailable,
    ArithmeticError: ServerUnavailable,
    LookupError: ServerUnavailable,
    AssertionError: ServerUnavailable,
    struct.error: ServerUnavailable,
    TooMuch: PathRefused,
    OutOfTime: ServerUnavailable,
}
"""Exceptions that libraries raise on malformed numbers, dates and texts, and our errors."""

WHAT_NEXT: dict[type[SyncError], str] = {
    ConfigurationError: "compare the settings of the server block with what the server offers",
    FileGone: "the file no longer exists; check the folder",
    HostNotTrusted: "ask the server's owner before changing host_key or ca_certificate",
    LoginRefused: "correct user name, password or key on the server block; it is not retried",
    PathRefused: "check that the folder exists and that this user has the permission",
    ServerUnavailable: "it is retried",
    TransferInterrupted: "it is retried and resumed where possible",
}


@dataclass(frozen=True)
class Operation:
    """The operation that failed: server, verb, path.

    `missing` is the error for a path that does not exist, `refused` the one for a failure without
    a stated cause.
    """

    address: str
    verb: str
    path: str = ""
    missing: type[SyncError] = FileGone
    refused: type[SyncError] = PathRefused

    def error(self, kind: type[SyncError], reason: str) -> SyncError:
        """The error to raise: where, what, why, what next. No server text: it may name people."""
        what = f"{self.verb} {self.path!r}" if self.path else self.verb
        next_step = WHAT_NEXT[kind]
        return kind(
            f"{self.address}: {what} failed ({reason}); {next_step}.",
            address=self.address,
            path=self.path,
            reason=reason,
        )


def reason(error: Exception) -> str:
    """The reason in our own words, or the exception's class name; never the server's text."""
    if isinstance(error, TooMuch | OutOfTime):
        return str(error)
    if isinstance(error, tuple(MALFORMED)) and not isinstance(error, UnicodeError):
        return "the server's answer is invalid"
    return type(error).__name__


def map_error(
    error: BaseException, table: dict[type[Exception], type[SyncError]]
) -> type[SyncError]:
    """Our error class for an exception: by its nearest base class in the table."""
    return next(table[kind] for kind in type(error).__mro__ if kind in table)


@contextmanager
def mapped_errors(
    table: Mapping[type[Exception], type[SyncError]], convert: Callable[[Exception], SyncError]
) -> Iterator[None]:
    """Raise `convert(error)` in place of an exception of the table's classes."""
    try:
        yield
    except tuple(table) as error:
        if is_full(error):  # an error number of this machine, not of the server
            raise
        raise convert(error) from None
