"""Map errors of ftplib, ssl and sockets to ours."""

import ftplib
import socket
import ssl
from contextlib import AbstractContextManager

from blocks.errors import (
    ConfigurationError,
    HostNotTrusted,
    LoginRefused,
    PathRefused,
    ServerUnavailable,
    SyncError,
    TransferInterrupted,
)
from blocks.transport.failures import MALFORMED, Operation, map_error, mapped_errors, reason

FTP_ERRORS: dict[type[Exception], type[SyncError]] = {
    **MALFORMED,
    ftplib.Error: TransferInterrupted,
    ftplib.error_reply: TransferInterrupted,
    ftplib.error_temp: ServerUnavailable,
    ftplib.error_perm: PathRefused,
    ftplib.error_proto: ServerUnavailable,
    ssl.SSLError: ServerUnavailable,
    ssl.SSLCertVerificationError: HostNotTrusted,
    ssl.SSLEOFError: TransferInterrupted,
    ssl.SSLSyscallError: TransferInterrupted,
    ssl.SSLWantReadError: TransferInterrupted,
    ssl.SSLWantWriteError: TransferInterrupted,
    ssl.SSLZeroReturnError: TransferInterrupted,
    socket.gaierror: ServerUnavailable,
    socket.herror: ServerUnavailable,
    ConnectionError: TransferInterrupted,
    TimeoutError: ServerUnavailable,
    EOFError: TransferInterrupted,
    OSError: ServerUnavailable,
    UnicodeError: ConfigurationError,  # an invalid host name
}

# RFC 959, 2228 and 4217. All others: 4xx is transient, 5xx refuses the path.
REPLIES: dict[str, type[SyncError]] = {
    "426": TransferInterrupted,
    "430": LoginRefused,
    "452": TransferInterrupted,  # no space, or over quota
    "500": ConfigurationError,
    "501": ConfigurationError,
    "502": ConfigurationError,
    "503": ConfigurationError,
    "504": ConfigurationError,
    "521": ConfigurationError,
    "522": ConfigurationError,
    "530": LoginRefused,
    "533": ConfigurationError,
    "534": ConfigurationError,
    "535": ConfigurationError,
    "536": ConfigurationError,
    "537": ConfigurationError,
    "552": TransferInterrupted,
}
NOT_FOUND_OR_NOT_ALLOWED = ("450", "550")


def ftp_errors(step: Operation) -> AbstractContextManager[None]:
    """Raise our own errors in place of the libraries'; without the server's texts."""
    return mapped_errors(FTP_ERRORS, lambda error: _translate(error, step))


def is_reply(error: BaseException) -> bool:
    """Whether the error is a complete reply, so that the connection can still be used."""
    return isinstance(error, ftplib.error_temp | ftplib.error_perm) and _code(error) != "421"


def _translate(error: Exception, step: Operation) -> SyncError:
    if isinstance(error, ftplib.error_temp | ftplib.error_perm):
        return _reply_error(error, step)
    if isinstance(error, ssl.SSLCertVerificationError):
        return step.error(HostNotTrusted, f"certificate: {error.verify_message}")
    return step.error(map_error(error, FTP_ERRORS), _reason(error))


def _reply_error(error: ftplib.Error, step: Operation) -> SyncError:
    code = _code(error)
    if code in NOT_FOUND_OR_NOT_ALLOWED:
        return step.error(step.missing, f"the server answered {code}")
    kind = REPLIES.get(code, map_error(error, FTP_ERRORS))
    return step.error(kind, f"the server answered {code}")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    return reason(error)


def _code(error: BaseException) -> str:
    return str(error)[:3]
