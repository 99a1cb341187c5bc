"""Foreign errors become ours: every class has its place, and no text of a server comes along."""

import errno
import ftplib
import inspect
import pickle
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

import paramiko
import polars as pl
import pytest
from paramiko import auth_strategy, buffered_pipe, sftp, ssh_exception

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
from blocks.transport.failures import WHAT_NEXT, Operation
from blocks.transport.ftp import errors as ftp_errors
from blocks.transport.sftp import errors as sftp_errors

pytestmark = pytest.mark.core

# Another name of a class that is there, and a class that never leaves the module.
NOT_RAISED_TO_US = {ssl.CertificateError, socket._GiveupOnSendfile}  # type: ignore[attr-defined]


def exceptions_of(*modules: ModuleType) -> set[type[Exception]]:
    """Exception classes that these modules define."""
    found = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ in (module.__name__, "_ssl", "socket")
    }
    return found - NOT_RAISED_TO_US


@pytest.mark.parametrize("kind", sorted(exceptions_of(ftplib, ssl, socket), key=str))
def test_every_error_below_ftp_has_a_place(kind: type[Exception]) -> None:
    """A new exception class in ftplib, ssl or socket needs an entry in the table."""
    assert kind in ftp_errors.FTP_ERRORS


@pytest.mark.parametrize(
    "kind", sorted(exceptions_of(ssh_exception, sftp, auth_strategy, buffered_pipe), key=str)
)
def test_every_error_below_sftp_has_a_place(kind: type[Exception]) -> None:
    """A new exception class in paramiko needs an entry in the table."""
    assert kind in sftp_errors.SFTP_ERRORS


def test_every_kind_of_error_has_a_remedy() -> None:
    """Whatever the tables lead to comes with a sentence on what to do next."""
    reachable = {
        *ftp_errors.FTP_ERRORS.values(),
        *ftp_errors.REPLIES.values(),
        *sftp_errors.SFTP_ERRORS.values(),
        Operation("", "").missing,
        PathRefused,
    }
    assert reachable <= set(WHAT_NEXT)


def raised(seam: AbstractContextManager[None], error: Exception) -> SyncError:
    """The mapped error."""
    with pytest.raises(SyncError) as caught, seam:
        raise error
    return caught.value


STEP = Operation("ftp://host:21", "read", "a.csv")


@pytest.mark.parametrize(
    ("foreign", "text", "kind"),
    [
        (ftplib.error_perm, "530 Login incorrect for mario@example.it", LoginRefused),
        (ftplib.error_perm, "550 mario@example.it: no such file", FileGone),
        (ftplib.error_perm, "553 mario@example.it", PathRefused),
        (ftplib.error_perm, "522 SSL reuse required, mario@example.it", ConfigurationError),
        (ftplib.error_temp, "421 Too many users, mario@example.it", ServerUnavailable),
        (ftplib.error_temp, "426 mario@example.it", TransferInterrupted),
        (ftplib.error_temp, "452 no room for mario@example.it", TransferInterrupted),
        (ftplib.error_perm, "552 quota of mario@example.it", TransferInterrupted),
        (ftplib.error_proto, "mario@example.it", ServerUnavailable),
        (ssl.SSLCertVerificationError, "mario@example.it", HostNotTrusted),
        (ConnectionResetError, "mario@example.it", TransferInterrupted),
        (TimeoutError, "mario@example.it", ServerUnavailable),
        (EOFError, "mario@example.it", TransferInterrupted),
        (UnicodeError, "mario@example.it", ConfigurationError),
    ],
)
def test_ftp_errors(foreign: type[Exception], text: str, kind: type[SyncError]) -> None:
    """Classified by recovery; names in the server's text are left out."""
    error = foreign(text)
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "certificate has expired"
    found = raised(ftp_errors.ftp_errors(STEP), error)
    assert type(found) is kind
    assert "ftp://host:21" in str(found)
    assert "mario" not in f"{found!r} {found.context}"
    assert found.__suppress_context__
    assert type(pickle.loads(pickle.dumps(found))) is kind  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ssh_exception.AuthenticationException("Authentication failed: mario"), LoginRefused),
        (ssh_exception.AuthenticationException("Authentication timeout."), ServerUnavailable),
        (
            ssh_exception.AuthenticationException(
                "Authentication failed: transport shut down or saw EOF"
            ),
            ServerUnavailable,
        ),
        (ssh_exception.BadAuthenticationType("mario", ["publickey"]), LoginRefused),
        (ssh_exception.SSHException("Server connection dropped: mario"), TransferInterrupted),
        (ssh_exception.SSHException("mario"), ServerUnavailable),
        (ssh_exception.ChannelException(1, "mario"), ConfigurationError),
        (UnicodeError("mario"), ConfigurationError),
        (OSError(errno.ENOENT, "mario"), FileGone),
        (OSError(errno.EACCES, "mario"), PathRefused),
        (OSError("mario"), PathRefused),
        (OSError("Socket is closed"), TransferInterrupted),
        (paramiko.SFTPError("mario"), TransferInterrupted),
        (TimeoutError("mario"), ServerUnavailable),
        (EOFError("mario"), TransferInterrupted),
    ],
    ids=repr,
)
def test_sftp_errors(error: Exception, kind: type[SyncError]) -> None:
    """Classified by recovery; names in the server's text are left out."""
    found = raised(sftp_errors.sftp_errors(STEP), error)
    assert type(found) is kind
    assert "mario" not in f"{found!r} {found.context}"
    assert found.__suppress_context__


def test_errors_of_ours_pass_the_seam() -> None:
    """An error that is ours already is not translated twice."""
    for seam in (ftp_errors.ftp_errors(STEP), sftp_errors.sftp_errors(STEP)):
        assert type(raised(seam, FileGone("gone"))) is FileGone


@pytest.mark.parametrize("seam", [ftp_errors.ftp_errors, sftp_errors.sftp_errors])
def test_a_full_disk_of_ours_is_no_fault_of_the_server(
    seam: Callable[[Operation], AbstractContextManager[None]],
) -> None:
    """What cannot be written here is not reported as a server that does not answer."""
    with pytest.raises(OSError, match="No space left") as caught, seam(STEP):
        Path("/dev/full").write_bytes(b"x" * 100_000)
    assert is_full(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "underlying IO error: No space left on device (os error 28)",
        "underlying IO error: [Errno 28] No space left on device",
        "parquet: File out of specification: Invalid thrift: transport error",
    ],
)
def test_a_full_disk_is_seen_in_what_polars_raises(text: str) -> None:
    """It has no error number, and at the end of a Parquet file not even one in its text."""
    assert is_full(pl.exceptions.ComputeError(text))
    assert not is_full(pl.exceptions.ComputeError(text.replace("28", "2").replace("trans", "")))
