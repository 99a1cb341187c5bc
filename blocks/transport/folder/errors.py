"""The errors of a folder's adapter: from the operating system's numbers to ours."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from blocks.errors import PathRefused, ServerUnavailable, SyncError, TransferInterrupted, is_full
from blocks.transport.failures import Operation
from blocks.transport.spool import TooMuch

_MISSING = (errno.ENOENT, errno.ENOTDIR)
_REFUSED = {
    errno.EACCES: "this user may not do it",
    errno.EPERM: "this user may not do it",
    errno.EROFS: "the file system is mounted read-only",
    errno.EISDIR: "it is a folder",
    errno.ELOOP: "it is a link, and links are not followed",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EXDEV: "it lies on another file system",
}


@contextmanager
def folder_errors(step: Operation) -> Iterator[None]:
    """Raise our own errors for what the operating system refuses inside."""
    try:
        yield
    except (OSError, TooMuch) as error:
        raise step.error(*_meaning(error, step)) from None


def _meaning(error: Exception, step: Operation) -> tuple[type[SyncError], str]:
    code = getattr(error, "errno", None)
    if isinstance(error, TooMuch):
        return PathRefused, str(error)
    if code in _MISSING:
        return step.missing, errno.errorcode[code]
    if code in _REFUSED:
        return PathRefused, _REFUSED[code]
    if is_full(error):
        return TransferInterrupted, "the disk is full, or a quota is used up"
    # A mount that is gone or hangs: EIO, ESTALE, ENOTCONN, ETIMEDOUT and their like.
    return ServerUnavailable, errno.errorcode.get(code or 0, type(error).__name__)
