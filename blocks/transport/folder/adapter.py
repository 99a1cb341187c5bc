"""A folder of this machine, or a mounted one, as a `Transport`.

Nothing outside of the folder is reached, whatever is put into it: a client that writes there by
SFTP can make links to files that only this process may read. So each step of a path is opened from
the one before it, and links are not followed.
"""

import errno
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from blocks.errors import FileGone, PathRefused, ServerUnavailable, TransferInterrupted
from blocks.transport import names
from blocks.transport.adapter import Adapter
from blocks.transport.base import Abilities, Identity, RemoteFile
from blocks.transport.download import download
from blocks.transport.folder.errors import folder_errors
from blocks.transport.spool import MOST_NAMES, TooMuch

logger = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK_BYTES = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe waits for its writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True)
class FolderSettings:
    """Which folder, and how names are written in it."""

    path: Path
    encoding: str = "utf-8"

    @property
    def address(self) -> str:
        """What messages call it."""
        return f"folder {self.path}"


class FolderTransport(Adapter):
    """A folder that was found; the verbs are described in `Transport`."""

    def __init__(self, settings: FolderSettings) -> None:
        self._address = settings.address
        self._codec = names.NameCodec(settings.encoding)
        # A folder that is missing may be a mount that comes back.
        step = self._step("open", missing=ServerUnavailable)
        with folder_errors(step):
            self._root = os.open(settings.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def abilities(self) -> Abilities:
        """A file system has all of them."""
        return Abilities(rename_over=True, modified_times=True, resume=True)

    @property
    def identity(self) -> Identity | None:
        """None: a folder shows nothing of itself."""
        return None

    def list(self, folder: str) -> Iterator[RemoteFile]:
        """The files of a folder; links are no files here."""
        step = self._step("list", folder or ".", missing=PathRefused)
        self._skipped = 0
        with folder_errors(step), self._opened(folder) as opened, os.scandir(opened) as entries:
            files = list(self._files(entries))
        if self._skipped:
            names.warn_of_skipped(logger, self._address, self._skipped)
        return iter(files)

    def stat(self, path: str) -> RemoteFile:
        """Size and time of one file."""
        step = self._step("look at", path)
        with folder_errors(step), self._beside(path) as (folder, name):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            raise step.error(FileGone, "it is no file")
        return _remote_file(names.split(path)[1], found)

    def read(self, path: str, target: Path, *, size: int | None = None) -> int:
        """Copy to `target`, resumed at the offset reached."""
        chunks = partial(self._chunks, path)
        return download(path, target, stat=self.stat, chunks=chunks, resume=True, size=size)

    def write(self, source: Path, path: str) -> int:
        """Write exactly this path; the bytes are on the disk when this returns."""
        step = self._step("write", path, missing=PathRefused)
        with source.open("rb") as content, folder_errors(step), self._created(path) as file:
            for chunk in iter(partial(content.read, _CHUNK_BYTES), b""):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
            sent = file.tell()
        if (size := self.stat(path).size) != sent:
            raise step.error(TransferInterrupted, f"{size} of {sent} bytes arrived")
        return sent

    def rename(self, old: str, new: str, *, replace: bool = False) -> None:
        """Rename or move, in one step."""
        step = self._step("rename to", new, missing=PathRefused)
        if not replace and self._exists(new):
            raise step.error(PathRefused, "a file of that name exists")
        self.stat(old)  # FileGone here, so that a missing path below is the folder of `new`
        with (
            folder_errors(step),
            self._beside(old) as (old_folder, old_name),
            self._beside(new) as (new_folder, new_name),
        ):
            os.replace(old_name, new_name, src_dir_fd=old_folder, dst_dir_fd=new_folder)

    def remove(self, path: str) -> None:
        """Delete one file, or a link to one."""
        with folder_errors(self._step("remove", path)), self._beside(path) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        for each in names.steps_to(path):
            step = self._step("make the folder", each, missing=PathRefused)
            with folder_errors(step), self._beside(each) as (folder, name):
                try:
                    os.mkdir(name, dir_fd=folder)
                except FileExistsError:
                    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if not stat.S_ISDIR(found.st_mode):
                        raise step.error(PathRefused, "a file is in the way") from None

    def close(self) -> None:
        """Close the folder."""
        if self._root >= 0:
            os.close(self._root)
        self._root = -1

    @contextmanager
    def _opened(self, folder: str) -> Iterator[int]:
        """A folder below ours, each step opened from the one before; OSError where one is none."""
        steps = [step for step in self._codec.encode(folder).split(b"/") if step not in (b"", b".")]
        opened = os.dup(self._root)
        try:
            for step in steps:
                inner = os.open(step, _FOLDER, dir_fd=opened)
                os.close(opened)
                opened = inner
            yield opened
        finally:
            os.close(opened)

    @contextmanager
    def _beside(self, path: str) -> Iterator[tuple[int, bytes]]:
        """The opened folder of a path, and the name in it."""
        folder, name = names.split(path)
        with self._opened(folder) as opened:
            yield opened, self._codec.encode(name)

    @contextmanager
    def _created(self, path: str) -> Iterator[BinaryIO]:
        """A new file under this name. What has it is removed, not opened: it may be a link."""
        with self._beside(path) as (folder, name):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            descriptor = os.open(name, _CREATE, 0o666, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as file:
            yield file

    def _chunks(self, path: str, offset: int, _end: int) -> Iterator[bytes]:
        with folder_errors(self._step("read", path)):
            with self._beside(path) as (folder, name):
                descriptor = os.open(name, _READ, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise OSError(errno.EACCES, "a pipe, a device or a socket")
                file.seek(offset)
                yield from iter(partial(file.read, _CHUNK_BYTES), b"")

    def _files(self, entries: "Iterator[os.DirEntry[str]]") -> Iterator[RemoteFile]:
        for number, entry in enumerate(entries):
            if number >= MOST_NAMES:
                raise TooMuch(f"it holds more than {MOST_NAMES:,} names; move old files out of it")
            name = self._codec.decode(os.fsencode(entry.name))
            if not entry.is_file(follow_symlinks=False):
                continue
            if not names.is_legal_name(name):
                self._skipped += 1
                continue
            try:
                yield _remote_file(name, entry.stat(follow_symlinks=False))
            except FileNotFoundError:
                continue  # removed since it was listed


def _remote_file(name: str, found: os.stat_result) -> RemoteFile:
    changed = _EPOCH + timedelta(microseconds=found.st_mtime_ns // 1000)
    return RemoteFile(name, found.st_size, changed)
