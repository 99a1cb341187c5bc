"""The seam of the SFTP adapter: from paramiko and socket errors to ours."""

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
from blocks.transport.failures import NONSENSE, Operation, as_ours, map_error, reason

SFTP_ERRORS: dict[type[Exception], type[SyncError]] = {
    **NONSENSE,
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
    UnicodeError: ConfigurationError,  # a host that cannot be a name at all
}

# paramiko says "authentication" also when the server fell silent or hung up while we logged in.
NOT_ABOUT_THE_LOGIN = (
    "Authentication timeout.",
    "Authentication failed: transport shut down or saw EOF",
)
_WEAK = (
    "; if its owner cannot renew it, allow_weak_algorithms on the server block offers older ones"
)
LACKS = {
    "kex algorithm": "the server has no key exchange that is safe and known here" + _WEAK,
    "host key": "the server has no host key of a kind that is safe and known here",
    "ciphers": "the server has no cipher that is safe and known here" + _WEAK,
    "macs": "the server has no checksum (MAC) that is safe and known here" + _WEAK,
}
LOST = ("Socket is closed", "Server connection dropped")


def sftp_errors(step: Operation) -> AbstractContextManager[None]:
    """Raise our own errors for whatever goes wrong inside; the server's texts are left out."""
    return as_ours(SFTP_ERRORS, lambda error: step.error(_kind(error, step), _reason(error)))


def _kind(error: Exception, step: Operation) -> type[SyncError]:
    if str(error).startswith(LOST):
        return TransferInterrupted
    if str(error) in NOT_ABOUT_THE_LOGIN:
        return ServerUnavailable
    if type(error) in (OSError, FileNotFoundError, PermissionError):
        return _answer(error, step)
    return map_error(error, SFTP_ERRORS)


def _answer(error: Exception, step: Operation) -> type[SyncError]:
    """paramiko turns the answers of an SFTP server into OSErrors, with errno for two of them."""
    code = getattr(error, "errno", None)
    if code == errno.ENOENT:
        return step.missing
    if code == errno.EACCES:
        return PathRefused
    return step.refused if code is None else ServerUnavailable


def _reason(error: Exception) -> str:
    if isinstance(error, ssh_exception.IncompatiblePeer):
        return next((told for part, told in LACKS.items() if part in str(error)), "SSH version")
    code = getattr(error, "errno", None)
    if code in (errno.ENOENT, errno.EACCES):
        return errno.errorcode[code]
    return reason(error) if type(error) is not OSError else "the server answered failure"
