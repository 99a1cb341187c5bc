"""From what a library raises to our own errors: the wording shared by both adapters' seams."""

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

NONSENSE: dict[type[Exception], type[SyncError]] = {
    ValueError: ServerUnavailable,
    ArithmeticError: ServerUnavailable,
    LookupError: ServerUnavailable,
    AssertionError: ServerUnavailable,
    struct.error: ServerUnavailable,
    TooMuch: PathRefused,
    OutOfTime: ServerUnavailable,
}
"""What becomes of numbers, dates and texts that are none: libraries trip over them in many ways."""

WHAT_NEXT: dict[type[SyncError], str] = {
    ConfigurationError: "compare the settings of the server block with what the server offers",
    FileGone: "there is no such file any more; look at the folder",
    HostNotTrusted: "ask the server's owner before renewing host_key or ca_certificate",
    LoginRefused: "mend user name, password or key on the server block; it is not tried again",
    PathRefused: "check that the folder exists and that this user may do this there",
    ServerUnavailable: "it may work in a moment",
    TransferInterrupted: "it may go on in a moment",
}


@dataclass(frozen=True)
class Operation:
    """What was being done when something failed: where, which verb, with which path.

    `missing` is the error for something that is not there, `refused` the one for an answer that
    says no more than that it failed.
    """

    address: str
    verb: str
    path: str = ""
    missing: type[SyncError] = FileGone
    refused: type[SyncError] = PathRefused

    def error(self, kind: type[SyncError], reason: str) -> SyncError:
        """The error to raise: where, what, why (no server text, which may name people), remedy."""
        what = f"{self.verb} {self.path!r}" if self.path else self.verb
        next_step = WHAT_NEXT[kind]
        return kind(
            f"{self.address}: {what} failed ({reason}); {next_step}.",
            address=self.address,
            path=self.path,
            reason=reason,
        )


def reason(error: Exception) -> str:
    """Why, without what the other side wrote: our own words, or the name of the error's class."""
    if isinstance(error, TooMuch | OutOfTime):
        return str(error)
    if isinstance(error, tuple(NONSENSE)) and not isinstance(error, UnicodeError):
        return "the server's answer makes no sense"
    return type(error).__name__


def map_error(
    error: BaseException, table: dict[type[Exception], type[SyncError]]
) -> type[SyncError]:
    """Our class for a foreign error: that of the nearest class above it in the table."""
    return next(table[kind] for kind in type(error).__mro__ if kind in table)


@contextmanager
def as_ours(
    table: Mapping[type[Exception], type[SyncError]], ours: Callable[[Exception], SyncError]
) -> Iterator[None]:
    """Raise what `ours` makes of an error of the table's classes in place of it."""
    try:
        yield
    except tuple(table) as error:
        if is_full(error):  # servers do not speak in our machine's numbers: it is this machine's
            raise
        raise ours(error) from None
