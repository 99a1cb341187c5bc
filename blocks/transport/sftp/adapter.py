"""SFTP servers as a `Transport`, on paramiko."""

import logging
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from blocks.errors import (
    FileGone,
    PathRefused,
    ServerUnavailable,
    TransferInterrupted,
)
from blocks.transport import names
from blocks.transport.adapter import Adapter
from blocks.transport.base import Abilities, Identity, RemoteFile
from blocks.transport.download import download
from blocks.transport.failures import Operation
from blocks.transport.sftp.answers import MOST_SIZE, Attributes
from blocks.transport.sftp.errors import sftp_errors
from blocks.transport.sftp.session import SftpSettings, open_client
from blocks.transport.sftp.transfer import TransferLimits, limits, pull, push
from blocks.transport.timeouts import Deadline, ended_after

logger = logging.getLogger(__name__)

RENAME_OVER = b"posix-rename@openssh.com"


class SftpTransport(Adapter):
    """A logged-in SFTP connection; see `Transport`."""

    def __init__(self, settings: SftpSettings) -> None:
        self._address = settings.address
        self._timeouts = settings.timeouts
        self._codec = names.NameCodec(settings.encoding)
        self._client = open_client(settings)

    @property
    def abilities(self) -> Abilities:
        """What SFTP version 3 supports; `rename_over` if the server announced it."""
        return Abilities(
            rename_over=RENAME_OVER in self._client.extensions, modified_times=True, resume=True
        )

    @property
    def identity(self) -> Identity | None:
        """The server's host key."""
        return self._client.identity

    def list(self, folder: str) -> Iterator[RemoteFile]:
        """The files of a folder, with the attributes of the listing."""
        folder = folder or "."
        step, wire = self._step("list", folder, missing=PathRefused), self._codec.encode(folder)
        with self._seam(step, self._timeouts.listing):
            entries = self._client.scan(wire)
        self._skipped = 0
        return self._files(folder, entries, step)

    def stat(self, path: str) -> RemoteFile:
        """Size and time of one file."""
        step = self._step("check", path)
        wire = self._codec.encode(path)
        with self._seam(step):
            attributes = self._client.attributes_of(wire)
        if _is(stat.S_ISDIR, attributes):
            raise step.error(FileGone, "it is a folder")
        if (attributes.size or 0) > MOST_SIZE:
            raise step.error(ServerUnavailable, "the server reports an impossible size")
        return _remote_file(names.split(path)[1], attributes)

    def read(self, path: str, target: Path, *, size: int | None = None) -> int:
        """Download to `target`, resumed after an interruption."""
        return download(
            path,
            target,
            stat=self.stat,
            chunks=lambda offset, end: self._chunks(path, offset, end),
            resume=self.abilities.resume,
            size=size,
        )

    def write(self, source: Path, path: str) -> int:
        """Upload to exactly this path; TransferInterrupted if the server shows another size."""
        step = self._step("write", path, missing=PathRefused)
        sent = self._send(source, path, step)
        size = self.stat(path).size
        if size != sent:
            raise step.error(TransferInterrupted, f"{size} of {sent} bytes arrived")
        return size

    def rename(self, old: str, new: str, *, replace: bool = False) -> None:
        """Rename or move; where the server cannot replace, the old file is removed first."""
        step = self._step("rename to", new, missing=PathRefused)
        if not replace and self._exists(new):
            raise step.error(PathRefused, "a file of that name exists")
        self.stat(old)  # FileGone if it is missing; below, only the folder of `new` can be
        if replace and not self.abilities.rename_over and self._exists(new):
            self.remove(new)
        self._rename(old, new, step, over=replace and self.abilities.rename_over)

    def remove(self, path: str) -> None:
        """Delete one file."""
        with self._seam(self._step("remove", path)):
            self._client.remove(self._codec.encode(path))

    def make_folder(self, path: str) -> None:
        """Create a folder and its parents."""
        for folder in names.steps_to(path):
            step = self._step("create the folder", folder, missing=PathRefused)
            wire = self._codec.encode(folder)
            try:
                with self._seam(step):
                    self._client.mkdir(wire)
            except PathRefused:
                self._check_folder(wire, step)

    def close(self) -> None:
        """Close the channel and the connection."""
        channel = self._client.get_channel()
        if channel is not None:
            channel.get_transport().close()

    @contextmanager
    def _seam(self, step: Operation, seconds: float | None = None) -> Iterator[None]:
        """Map errors to ours, and end the operation after `seconds` (of the transfer's time-out),
        or else after the read time-out."""
        setting = "transfer_timeout_seconds" if seconds else "read_timeout_seconds"
        with (
            sftp_errors(step),
            ended_after(seconds or self._timeouts.read, self.close, setting),
        ):
            yield

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """Close the connection if a transfer is not finished.

        Closing only the file would first wait for all requested data.
        """
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _check_folder(self, wire: bytes, step: Operation) -> None:
        # Servers give the same answer for an existing folder and for a forbidden one.
        with self._seam(step):
            attributes = self._client.attributes_of(wire)
        if not _is(stat.S_ISDIR, attributes):
            raise step.error(PathRefused, "a file of that name exists")

    def _files(
        self, folder: str, entries: Iterable[tuple[bytes, Attributes]], step: Operation
    ) -> Iterator[RemoteFile]:
        deadline = Deadline(self._timeouts.listing)
        with sftp_errors(step):
            for raw, attributes in entries:
                is_link = _is(stat.S_ISLNK, attributes)
                if not is_link and not _is(stat.S_ISREG, attributes):
                    continue
                name = self._codec.decode(raw)
                if not names.is_legal_name(name) or (attributes.size or 0) > MOST_SIZE:
                    self._skipped += 1
                elif is_link:
                    deadline.check()
                    yield from self._followed(names.join_checked(folder, name))
                else:
                    yield _remote_file(name, attributes)
        if self._skipped:
            names.warn_of_skipped(logger, self._address, self._skipped)

    def _followed(self, path: str) -> Iterator[RemoteFile]:
        try:
            yield self.stat(path)
        except (FileGone, PathRefused):
            return  # a link to a folder, or a broken one

    @cached_property
    def _limits(self) -> TransferLimits:
        return limits(self._client)

    def _chunks(self, path: str, offset: int, end: int) -> Iterator[bytes]:
        wire = self._codec.encode(path)
        with (
            self._seam(self._step("read", path), self._timeouts.transfer),
            self._client.open(wire, "rb") as file,
            self._closed_on_error(),
        ):
            yield from pull(self._client, file, offset, end, self._limits.read)

    def _send(self, source: Path, path: str, step: Operation) -> int:
        wire = self._codec.encode(path)
        # Once the file is open its path is valid: later failures are of disk space or quota.
        writing = replace(step, refused=TransferInterrupted)
        with source.open("rb") as file:
            with self._seam(step):
                remote = self._client.open(wire, "wb")
                size = self._limits.write
            with (
                self._seam(writing, self._timeouts.transfer),
                remote,
                self._closed_on_error(),
            ):
                return push(self._client, remote, iter(partial(file.read, size), b""))

    def _rename(self, old: str, new: str, step: Operation, *, over: bool) -> None:
        rename = self._client.posix_rename if over else self._client.rename
        old_wire, new_wire = self._codec.encode(old), self._codec.encode(new)
        with self._seam(step):
            rename(old_wire, new_wire)


def _is(kind: Callable[[int], bool], attributes: Attributes) -> bool:
    """Whether the mode of an entry is of this kind; without a mode it is a regular file."""
    return kind(stat.S_IFREG if attributes.mode is None else attributes.mode)


def _remote_file(name: str, attributes: Attributes) -> RemoteFile:
    return RemoteFile(name, attributes.size or 0, attributes.changed)
