"""Map errors of paramiko and sockets to ours."""

import errno
import socket
from contextlib import AbstractContextManager

import paramiko
from paramiko import ssh_exception
from paramiko.auth_strategy import AuthFailure
from paramiko.buffered_pipe import PipeTimeout

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

SFTP_ERRORS: dict[type[Exception], type[SyncError]] = {
    **MALFORMED,
    UnicodeDecodeError: ServerUnavailable,
    ssh_exception.SSHException: ServerUnavailable,
    ssh_exception.AuthenticationException: LoginRefused,
    ssh_exception.BadAuthenticationType: LoginRefused,
    ssh_exception.PasswordRequiredException: LoginRefused,
    ssh_exception.PartialAuthentication: LoginRefused,
    ssh_exception.UnableToAuthenticate: LoginRefused,
    AuthFailure: LoginRefused,
    ssh_exception.BadHostKeyException: HostNotTrusted,
    ssh_exception.ChannelException: ConfigurationError,
    ssh_exception.ConfigParseError: ConfigurationError,
    ssh_exception.CouldNotCanonicalize: ConfigurationError,
    ssh_exception.IncompatiblePeer: ConfigurationError,
    ssh_exception.MessageOrderError: ServerUnavailable,
    ssh_exception.NoValidConnectionsError: ServerUnavailable,
    ssh_exception.ProxyCommandFailure: ServerUnavailable,
    paramiko.SFTPError: TransferInterrupted,
    PipeTimeout: ServerUnavailable,
    socket.gaierror: ServerUnavailable,
    socket.herror: ServerUnavailable,
    ConnectionError: TransferInterrupted,
    TimeoutError: ServerUnavailable,
    EOFError: TransferInterrupted,
    OSError: ServerUnavailable,
    UnicodeError: ConfigurationError,  # an invalid host name
}

# paramiko also says "authentication" if the server stops answering or closes during the login.
NOT_ABOUT_THE_LOGIN = (
    "Authentication timeout.",
    "Authentication failed: transport shut down or saw EOF",
)
_WEAK = (
    "; if its owner cannot update it, turn on allow_weak_algorithms on the server block to offer "
    "older ones"
)
LACKS = {
    "kex algorithm": "the server offers no secure key exchange that is supported here" + _WEAK,
    "host key": "the server offers no secure host key type that is supported here",
    "ciphers": "the server offers no secure cipher that is supported here" + _WEAK,
    "macs": "the server offers no secure checksum (MAC) that is supported here" + _WEAK,
}
LOST = ("Socket is closed", "Server connection dropped")


def sftp_errors(step: Operation) -> AbstractContextManager[None]:
    """Raise our own errors in place of the libraries'; without the server's texts."""
    return mapped_errors(SFTP_ERRORS, lambda error: step.error(_kind(error, step), _reason(error)))


def _kind(error: Exception, step: Operation) -> type[SyncError]:
    if str(error).startswith(LOST):
        return TransferInterrupted
    if str(error) in NOT_ABOUT_THE_LOGIN:
        return ServerUnavailable
    if type(error) in (OSError, FileNotFoundError, PermissionError):
        return _answer(error, step)
    return map_error(error, SFTP_ERRORS)


def _answer(error: Exception, step: Operation) -> type[SyncError]:
    """By errno: paramiko raises error answers as OSErrors, two of them with an errno."""
    code = getattr(error, "errno", None)
    if code == errno.ENOENT:
        return step.missing
    if code == errno.EACCES:
        return PathRefused
    return step.refused if code is None else ServerUnavailable


def _reason(error: Exception) -> str:
    if isinstance(error, ssh_exception.IncompatiblePeer):
        return next((text for part, text in LACKS.items() if part in str(error)), "SSH version")
    code = getattr(error, "errno", None)
    if code in (errno.ENOENT, errno.EACCES):
        return errno.errorcode[code]
    return reason(error) if type(error) is not OSError else "the server answered failure"
