"""All errors of this project, by what has to happen next.

    SyncError
    ├── RetryableError              transient: Prefect retries the task
    │   ├── ServerUnavailable       connecting, reading or writing timed out, or was refused
    │   ├── TransferInterrupted     a transfer ended early; the received part is kept
    │   ├── MailUpUnavailable       5xx, rate limit used up, unreadable answer, no connection
    │   ├── LedgerUnavailable       the ledger's database is locked or does not answer
    │   └── LeaseHeld               another run is working for this client
    ├── FileHeld                    this file is held: nothing of it is sent until somebody decides
    ├── RunStopped                  the run fails; somebody has to check before the next one
    │   ├── MailUpRefused           MailUp rejected the request as wrong
    │   ├── ImportUnfinished        MailUp accepted an import and does not complete it
    │   ├── CountsDiffer            MailUp's counters differ from ours
    │   ├── DiskFull                no disk space for the run's scratch files
    │   └── Defect                  an unexpected error: only its type and location are reported
    ├── FileGone                    the file is no longer on the server
    └── ConfigurationError          a setting must be changed; never retried
        ├── LoginRefused            wrong user, password, key or client secret
        ├── HostNotTrusted          host key or certificate is not the agreed one
        └── PathRefused             missing folder, missing permission, illegal name

A message says where, what is accepted and what to do next. It never contains a secret or a value
of a client's record. `what_next` of the class is appended: what happens to this run and the next.
Context is passed as keyword attributes, so that errors can be pickled.
"""

import errno
import re
from typing import Any, ClassVar

from blocks.errors.shown import visible

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OS_ERROR = re.compile(r"(?:\(os error |\[Errno )(\d+)[)\]]")
"""Polars gives the operating system's error number only in its text."""
_UNWRITTEN_FOOTER = "Invalid thrift: transport error"
"""What polars raises, without a number, if a disk becomes full at the end of a Parquet file."""


class SyncError(Exception):
    """Base of all errors; `retry` says whether the task may be retried."""

    retry = False
    what_next: ClassVar[str]

    def __init__(self, message: str, **context: Any) -> None:
        super().__init__(visible(message, lines=True))
        self.context = context

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self), self.context)


def _rebuild(kind: type[SyncError], message: str, context: dict[str, Any]) -> SyncError:
    return kind(message, **context)


class RetryableError(SyncError):
    """A transient error."""

    retry = True
    what_next = "The next run continues from here."


class ServerUnavailable(RetryableError):
    """A file server did not answer in time, or refused the connection."""

    what_next = (
        "The next run continues from here. If this persists, ask the server's owner whether it is "
        "running and accepts connections from this machine."
    )


class TransferInterrupted(RetryableError):
    """A transfer ended before the agreed number of bytes."""

    what_next = (
        "The next run continues from here. If this persists, check the network and the free space "
        "on both sides."
    )


class MailUpUnavailable(RetryableError):
    """MailUp is unavailable."""

    what_next = (
        "The next run continues from here. If this persists, check whether MailUp's console works, "
        "and ask MailUp."
    )


class LedgerUnavailable(RetryableError):
    """The ledger's database or storage is unavailable."""

    what_next = (
        "The next run continues from here. If this persists, check the ledger's database and its "
        "storage."
    )


class LeaseHeld(RetryableError):
    """Another run holds the client's lease."""

    what_next = (
        "The next run continues. If no other run is in progress, one has died: its lease expires "
        "within a minute."
    )


class FileHeld(SyncError):
    """A file does not match its agreement and is held. `context["reason"]` is a reason code."""

    what_next = "Nothing of the file was sent. Ask the client to send it again."


class RunStopped(SyncError):
    """The run fails, and somebody has to check before the next one."""

    what_next = "Fix this, then run it again: completed work is not repeated."


class MailUpRefused(RunStopped):
    """MailUp rejected the request as wrong."""

    what_next = (
        "A retry would not help. Compare the agreement and the account with MailUp "
        "(check-connections reports differences), then run this again."
    )


class ImportUnfinished(RunStopped):
    """MailUp has not completed an import within the account's import time-out."""

    what_next = (
        "Check the imports in MailUp's console, or ask MailUp. The next run waits for the same "
        "import again and does not send it twice."
    )


class CountsDiffer(RunStopped):
    """MailUp's counters differ from this run's."""

    what_next = (
        "Nothing more is sent. Compare with the imports in MailUp's console, and report this "
        "as a defect."
    )


class Defect(RunStopped):
    """An unexpected error, without its text, which might quote a record."""

    what_next = (
        "Completed work is kept, and the next run continues from there. Report this as a defect."
    )


class DiskFull(RunStopped):
    """A file could not be written: the disk is full, or a quota is used up."""

    what_next = "Free disk space, then run this again or wait for the next run, which continues."


def is_full(error: BaseException) -> bool:
    """Whether any error means that a disk of this machine is full, or a quota used up."""
    if _UNWRITTEN_FOOTER in str(error):
        return True
    found = _OS_ERROR.search(str(error))
    code = int(found[1]) if found else getattr(error, "errno", None)
    return code in _FULL


class FileGone(SyncError):
    """The file is no longer on the server."""

    what_next = "The next run imports the files that are on the server then."


class ConfigurationError(SyncError):
    """A setting is wrong; retrying does not help."""

    what_next = "It is not retried: fix it, run check-connections, then run this again."


class LoginRefused(ConfigurationError):
    """The server or MailUp rejected the credentials."""

    what_next = "Correct the block (mailup-exchange provision), then run this again."


class HostNotTrusted(ConfigurationError):
    """The server's host key or certificate is not the agreed one."""

    what_next = (
        "There was no login, and nothing was sent. Run this again when the server's owner has "
        "confirmed the change."
    )


class PathRefused(ConfigurationError):
    """The path is missing, forbidden or illegal."""

    what_next = "Fix the server or the agreement, then run this again."
