"""Deliver a file so that its reader never sees an incomplete one."""

from contextlib import suppress
from pathlib import Path

from blocks.errors import FileGone, TransferInterrupted
from blocks.transport import names
from blocks.transport.base import RemoteFile, Transport


def deliver(transport: Transport, source: Path, folder: str, name: str) -> RemoteFile:
    """Upload `source` under a temporary name, check its size, rename it to `name`.

    An existing file of that name is replaced: atomically with `abilities.rename_over`, otherwise
    it is removed once the new one is complete. Safe to repeat: the temporary name is always the
    same. TransferInterrupted if the size differs in the end.
    """
    final = names.join_checked(folder, names.check_new_name(name))
    temporary = names.join_checked(folder, names.temporary_name(name))
    # Some servers refuse to overwrite the file of an interrupted delivery.
    with suppress(FileGone):
        transport.remove(temporary)
    size = transport.write(source, temporary)
    transport.rename(temporary, final, replace=True)
    return _delivered(transport, final, size)


def _delivered(transport: Transport, path: str, size: int) -> RemoteFile:
    try:
        found = transport.stat(path)
    except FileGone:
        # The reader has already fetched the complete file.
        return RemoteFile(names.split(path)[1], size, None)
    if found.size != size:
        raise TransferInterrupted(
            f"{path!r}: the server shows {found.size} of {size} bytes; it is delivered again.",
            path=path,
            size=size,
        )
    return found
