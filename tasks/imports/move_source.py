"""Moves a source file after its import, once its content is verified to be the imported one.

The file is first renamed to a name to which nobody writes, then downloaded and compared. If the
client has replaced it meanwhile, the other file keeps that name, and the next run imports it
(`source.own_name`).
"""

from contextlib import suppress
from pathlib import PurePosixPath

from prefect import get_run_logger

from blocks.errors import FileGone, FileHeld
from blocks.transport.base import RemoteFile, Transport
from tasks.files.hashing import sha256_of
from tasks.records.source import Source, moving_name
from tasks.records.stages import Fetched


def move_source_file(server: Transport, source: Source, fetched: Fetched, goal: str) -> None:
    """Move or rename the source file to `goal`, unless it was replaced; idempotent."""
    if fetched.remote is None:
        return
    if source.afterwards == "move":
        server.make_folder(str(PurePosixPath(goal).parent))
    moving = source.path(moving_name(fetched.name, fetched.sha256))
    _rename(server, source.path(fetched.remote.name), moving, fetched.remote)
    if _is_the_same(server, moving, fetched):
        with suppress(FileGone):
            server.rename(moving, goal, replace=True)


def _rename(server: Transport, path: str, moving: str, seen: RemoteFile) -> None:
    """Rename the file, unless it is obviously another one or was already renamed."""
    if path == moving:
        return
    with suppress(FileGone):
        now = server.stat(path)
        # Equal sizes and times prove nothing, but different ones do.
        is_newer = server.abilities.modified_times and _is_later(now, seen)
        if now.size != seen.size or is_newer:
            get_run_logger().warning("%s was replaced meanwhile and is not moved", seen.name)
        elif not _exists(server, moving):
            server.rename(path, moving)


def _is_later(now: RemoteFile, seen: RemoteFile) -> bool:
    if now.modified_at is None or seen.modified_at is None:
        return False
    return now.modified_at.replace(microsecond=0) > seen.modified_at.replace(microsecond=0)


def _exists(server: Transport, path: str) -> bool:
    try:
        server.stat(path)
    except FileGone:
        return False
    return True


def _is_the_same(server: Transport, moving: str, fetched: Fetched) -> bool:
    """Whether the renamed file has the imported content."""
    copy = fetched.path.with_suffix(".again")
    try:
        server.read(moving, copy)
    except FileGone:
        return False
    except FileHeld:
        same = False  # somebody is writing to it: it was replaced
    else:
        same = sha256_of(copy) == fetched.sha256
        copy.unlink()
    if not same:
        get_run_logger().warning(
            "%s was replaced meanwhile: the new file is left for the next run, as %s",
            fetched.name,
            PurePosixPath(moving).name,
        )
    return same
