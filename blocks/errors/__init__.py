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
    │   └── CountsDiffer            MailUp's counters and ours do not agree
    ├── FileGone                    the file left the server between two looks
    └── ConfigurationError          stop until a setting is mended; never tried twice
        ├── LoginRefused            wrong user, password, key or client secret
        ├── HostNotTrusted          host key or certificate is not the agreed one
        └── PathRefused             missing folder, missing permission, name that is not allowed

A message says where, what is accepted and what to do next. It never carries a secret or a value
of a client's record. Context travels as keyword attributes, so that errors survive pickling.
"""

from typing import Any


class SyncError(Exception):
    """Base of all errors raised on purpose; `retry` says whether the same step may be repeated."""

    retry = False

    def __init__(self, message: str, **context: Any) -> None:
        super().__init__(message)
        self.context = context

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self), self.context)


def _rebuild(kind: type[SyncError], message: str, context: dict[str, Any]) -> SyncError:
    return kind(message, **context)


class RetryableError(SyncError):
    """The same step may work in a moment."""

    retry = True


class ServerUnavailable(RetryableError):
    """A file server did not answer in time, or refused the connection."""


class TransferInterrupted(RetryableError):
    """A transfer ended before the agreed number of bytes."""


class MailUpUnavailable(RetryableError):
    """MailUp could not answer now."""


class LedgerUnavailable(RetryableError):
    """The ledger's database could not answer now."""


class LeaseHeld(RetryableError):
    """Another run holds the client's lease."""


class FileHeld(SyncError):
    """A file is not what its contract says; kept as a whole. `context["reason"]` is a code."""


class RunStopped(SyncError):
    """The run cannot go on before somebody has looked at it."""


class MailUpRefused(RunStopped):
    """MailUp says that the request is wrong; repeating it would not help."""


class CountsDiffer(RunStopped):
    """The counters of MailUp and of this run do not agree."""


class FileGone(SyncError):
    """The file is no longer on the server."""


class ConfigurationError(SyncError):
    """A setting has to be mended before anything can work."""


class LoginRefused(ConfigurationError):
    """The other side does not accept these credentials."""


class HostNotTrusted(ConfigurationError):
    """The other side shows another host key or certificate than agreed."""


class PathRefused(ConfigurationError):
    """The server does not allow this path: it is missing, forbidden or not a legal name."""
