"""Put away: a source file leaves its folder only when it is proven to be the one that was imported.

It is renamed first, to a name to which nobody writes, and then what was renamed is fetched and
compared by content. Another file, which a client has put there meanwhile, stays under that name:
the next run takes it like any other of the client's files (`source.own_name`).
"""

from contextlib import suppress
from pathlib import PurePosixPath

from prefect import get_run_logger

from blocks.errors import FileGone, FileHeld
from blocks.transport.base import RemoteFile, Transport
from tasks.files.hashing import sha256_of
from tasks.records.source import Source, moving_name
from tasks.records.stages import Fetched


def put_away(server: Transport, source: Source, fetched: Fetched, goal: str) -> None:
    """Move or rename the source file to `goal`, or leave what has taken its place; repeatable."""
    if fetched.remote is None:
        return
    if source.afterwards == "move":
        server.make_folder(str(PurePosixPath(goal).parent))
    aside = source.path(moving_name(fetched.name, fetched.sha256))
    _set_aside(server, source.path(fetched.remote.name), aside, fetched.remote)
    if _is_the_same(server, aside, fetched):
        with suppress(FileGone):
            server.rename(aside, goal, replace=True)


def _set_aside(server: Transport, path: str, aside: str, seen: RemoteFile) -> None:
    """Rename the file, unless it is plainly another one, or an earlier attempt has done so."""
    if path == aside:
        return
    with suppress(FileGone):
        now = server.stat(path)
        # Equal sizes and times prove nothing, but unequal ones do.
        moved_on = server.abilities.modified_times and _is_later(now, seen)
        if now.size != seen.size or moved_on:
            get_run_logger().warning("%s was replaced meanwhile and stays", seen.name)
        elif not _is_there(server, aside):
            server.rename(path, aside)


def _is_later(now: RemoteFile, seen: RemoteFile) -> bool:
    if now.modified_at is None or seen.modified_at is None:
        return False
    return now.modified_at.replace(microsecond=0) > seen.modified_at.replace(microsecond=0)


def _is_there(server: Transport, path: str) -> bool:
    try:
        server.stat(path)
    except FileGone:
        return False
    return True


def _is_the_same(server: Transport, aside: str, fetched: Fetched) -> bool:
    """Whether what was set aside is the file that was imported, to the last byte."""
    copy = fetched.path.with_suffix(".again")
    try:
        server.read(aside, copy)
    except FileGone:
        return False
    except FileHeld:
        same = False  # somebody writes to it: it was replaced in place
    else:
        same = sha256_of(copy) == fetched.sha256
        copy.unlink()
    if not same:
        get_run_logger().warning(
            "%s was replaced meanwhile: the other file is left for the next run, as %s",
            fetched.name,
            PurePosixPath(aside).name,
        )
    return same
