"""Every error of this project, sorted by what has to happen next.

    SyncError
    ├── RetryableError              the same step may work in a moment: Prefect retries it
    │   ├── ServerUnavailable       connect, greeting, read or write timed out, or was refused
    │   ├── TransferInterrupted     a transfer ended early; what arrived is kept for resuming
    │   ├── MailUpUnavailable       5xx, rate limit used up, unreadable answer, no connection
    │   ├── LedgerUnavailable       the ledger's database is locked, or does not answer
    │   └── LeaseHeld               another run works for this client at this moment
    ├── FileHeld                    stop this file: nothing of it is sent until somebody decides
    ├── RunStopped                  stop this run: the outcome needs a look before anything goes on
    │   ├── MailUpRefused           MailUp answered that the request itself is wrong
    │   ├── ImportUnfinished        MailUp has taken an import and does not come to its end
    │   ├── CountsDiffer            MailUp's counters and ours do not agree
    │   ├── DiskFull                this machine has no room for the run's scratch files
    │   └── Defect                  nobody foresaw it: only its kind and place are told
    ├── FileGone                    the file left the server between two looks
    └── ConfigurationError          stop until a setting is mended; never tried twice
        ├── LoginRefused            wrong user, password, key or client secret
        ├── HostNotTrusted          host key or certificate is not the agreed one
        └── PathRefused             missing folder, missing permission, name that is not allowed

A message says where, what is accepted and what to do next. It never carries a secret or a value
of a client's record. Behind it, `what_next` of its class tells how the run and the next one go on.
Context travels as keyword attributes, so that errors survive pickling.
"""

import errno
import re
from typing import Any, ClassVar

from blocks.errors.shown import visible

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""How polars tells the number of an error of the operating system: in its text."""


class SyncError(Exception):
    """Base of all errors raised on purpose; `retry` says whether the same step may be repeated."""

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
    """The same step may work in a moment."""

    retry = True
    what_next = "The next run goes on from here."


class ServerUnavailable(RetryableError):
    """A file server did not answer in time, or refused the connection."""

    what_next = (
        "The next run goes on from here. If it lasts, ask the server's owner whether it is up and "
        "lets this machine in."
    )


class TransferInterrupted(RetryableError):
    """A transfer ended before the agreed number of bytes."""

    what_next = (
        "The next run goes on from here. If it lasts, look at the network, and at the free space "
        "on both sides."
    )


class MailUpUnavailable(RetryableError):
    """MailUp could not answer now."""

    what_next = (
        "The next run goes on from here. If it lasts, see whether MailUp's console can be used, "
        "and ask MailUp."
    )


class LedgerUnavailable(RetryableError):
    """The ledger's database could not answer now."""

    what_next = (
        "The next run goes on from here. If it lasts, look at the ledger's database and at its "
        "storage."
    )


class LeaseHeld(RetryableError):
    """Another run holds the client's lease."""

    what_next = (
        "The next run takes it up. If no other run is at work, one has died: its lease expires "
        "within a minute."
    )


class FileHeld(SyncError):
    """A file is not what its contract says; kept as a whole. `context["reason"]` is a code."""

    what_next = "Nothing of the file was sent. Ask the client to send it again."


class RunStopped(SyncError):
    """The run cannot go on before somebody has looked at it."""

    what_next = "Once that is mended, run this again: what was done already is not done twice."


class MailUpRefused(RunStopped):
    """MailUp says that the request is wrong; repeating it would not help."""

    what_next = (
        "Repeating it does not help: compare the agreement and the account with MailUp "
        "(check-connections says what differs), then run this again."
    )


class ImportUnfinished(RunStopped):
    """MailUp has not completed an import in the time that the account's block allows."""

    what_next = (
        "Look at the imports in MailUp's console, or ask MailUp. The next run waits for the same "
        "import again, and sends nothing of it twice."
    )


class CountsDiffer(RunStopped):
    """The counters of MailUp and of this run do not agree."""

    what_next = (
        "Nothing more is sent. Compare with the imports in MailUp's console, and report this "
        "as a defect."
    )


class Defect(RunStopped):
    """An error that nobody foresaw, without its text, which might quote a record."""

    what_next = (
        "What was done is kept, and the next run goes on from there. Report this as a defect."
    )


class DiskFull(RunStopped):
    """A file of this machine could not be written to its end."""

    what_next = "Once there is room, run this again, or let the next run go on from here."


def is_full(error: BaseException) -> bool:
    """Whether a foreign error says that a disk of this machine is full, or a quota used up."""
    told = _OS_ERROR.search(str(error))
    code = int(told[1]) if told else getattr(error, "errno", None)
    return code in _FULL


class FileGone(SyncError):
    """The file is no longer on the server."""

    what_next = "The next run takes what is there then."


class ConfigurationError(SyncError):
    """A setting has to be mended before anything can work."""

    what_next = (
        "It is not tried again: mend it, check it with check-connections, then run this again."
    )


class LoginRefused(ConfigurationError):
    """The other side does not accept these credentials."""

    what_next = "Once the block is right (mailup-exchange provision), run this again."


class HostNotTrusted(ConfigurationError):
    """The other side shows another host key or certificate than agreed."""

    what_next = (
        "Nobody logged in, nothing was sent. Run this again once the owner has confirmed it."
    )


class PathRefused(ConfigurationError):
    """The server does not allow this path: it is missing, forbidden or not a legal name."""

    what_next = "Once the server or the agreement is mended, run this again."
