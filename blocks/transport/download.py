"""Download to a local part-file: resumed where that is safe, renamed once complete."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from blocks.errors import FileGone, FileHeld, SyncError, TransferInterrupted
from blocks.transport.base import RemoteFile

Stat = Callable[[str], RemoteFile]
Chunks = Callable[[int, int], Iterator[bytes]]


def download(
    path: str, target: Path, *, stat: Stat, chunks: Chunks, resume: bool, size: int | None
) -> int:
    """Fetch `path` into `target` and return its size.

    `chunks(offset, size)` yields the bytes from `offset` on, and at least one more if the file has
    more than `size`. FileHeld (reason "changed") if the file differs from `size` or changes
    meanwhile; TransferInterrupted if it ends early.
    """
    before = stat(path)
    if size is not None and before.size != size:
        raise _changed(path)
    part = part_path(target, path, before)
    _forget_others(target, part)
    # Without a modification time, other content may have the same size: start from the beginning.
    offset = _kept(part, before.size) if resume and before.modified_at is not None else 0
    try:
        arrived = _pull(part, offset, before.size, chunks)
    except SyncError:
        if part.stat().st_size == 0:
            part.unlink()
        raise
    _check_whole(path, part, arrived, before, stat)
    part.replace(target)
    return arrived


def part_path(target: Path, path: str, version: RemoteFile) -> Path:
    """The part-file of one version of a remote file: another size or time has another name."""
    identity = f"{path}\n{version.size}\n{version.modified_at}"
    mark = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return target.with_name(f".{target.name[:200]}.{mark}.part")


def _forget_others(target: Path, part: Path) -> None:
    prefix = f".{target.name[:200]}."
    for other in target.parent.iterdir():
        is_part = other.name.startswith(prefix) and other.suffix == ".part"
        if is_part and len(other.name) == len(part.name) and other != part:
            other.unlink()


def _kept(part: Path, size: int) -> int:
    kept = part.stat().st_size if part.exists() else 0
    # The last byte is always requested again: after it the server has to signal the end.
    return max(min(kept, size - 1), 0) if kept <= size else 0


def _pull(part: Path, offset: int, size: int, chunks: Chunks) -> int:
    with part.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        file.truncate()
        for chunk in chunks(offset, size):
            file.write(chunk)
            if file.tell() > size:
                break
        return file.tell()


def _check_whole(path: str, part: Path, arrived: int, before: RemoteFile, stat: Stat) -> None:
    if arrived < before.size and stat(path) == before:
        raise TransferInterrupted(
            f"{path!r}: {arrived} of {before.size} bytes arrived; it is retried.",
            path=path,
            arrived=arrived,
            size=before.size,
        )
    try:
        unchanged = arrived == before.size and stat(path) == before
    except FileGone:
        unchanged = True  # all of it arrived before the client removed it
    if not unchanged:
        part.unlink()
        raise _changed(path)


def _changed(path: str) -> FileHeld:
    return FileHeld(
        f"{path!r} changed during the download; clients should write it under another name and "
        "rename it when complete.",
        reason="changed",
        path=path,
    )
