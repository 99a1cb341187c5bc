"""FTP and FTPS servers as a `Transport`, on ftplib."""

import logging
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from ftplib import parse257
from functools import partial
from pathlib import Path

from blocks.errors import (
    ConfigurationError,
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
from blocks.transport.ftp.errors import ftp_errors, is_reply
from blocks.transport.ftp.listing import Entry, parse_list, parse_mlsd, parse_stamp
from blocks.transport.ftp.session import (
    WIRE_ENCODING,
    FtpSettings,
    end_data_connection,
    open_session,
)
from blocks.transport.spool import EntrySpool
from blocks.transport.timeouts import Deadline, ended_after

logger = logging.getLogger(__name__)

BLOCK_BYTES = 256 * 1024
_SIZE = re.compile(r"213\s+([0-9]{1,15})\s*")


class FtpTransport(Adapter):
    """A logged-in FTP or FTPS connection; see `Transport`."""

    def __init__(self, settings: FtpSettings) -> None:
        self._address = settings.address
        self._timeouts = settings.timeouts
        self._codec = names.NameCodec(settings.encoding)
        self._replaces = True
        self._home = ""
        self._session, self._features = open_session(settings)

    @property
    def abilities(self) -> Abilities:
        """What the server announced (RFC 2389); `rename_over` is assumed until refused."""
        return Abilities(
            rename_over=self._replaces,
            modified_times="MLST" in self._features,
            resume="REST" in self._features,
        )

    @property
    def identity(self) -> Identity | None:
        """The certificate of the control connection."""
        return self._session.identity

    def list(self, folder: str) -> Iterator[RemoteFile]:
        """The files of a folder, from MLSD, or from LIST where a server lacks MLSD."""
        entries = self._entries(folder)
        self._skipped = 0
        return self._files(folder, entries, self._step("list", folder))

    def stat(self, path: str) -> RemoteFile:
        """Size and time from SIZE and MDTM, or from the listing where a server lacks SIZE."""
        # Not from MLST: proftpd returns the size of a link there, not of its target.
        step = self._step("check", path)
        size = self._size(step)
        has_times = {"SIZE", "MDTM"} <= self._features
        when = self._ask("MDTM", step)[3:].strip() if has_times else ""
        return RemoteFile(names.split(path)[1], size, parse_stamp(when.encode(WIRE_ENCODING)))

    def read(self, path: str, target: Path, *, size: int | None = None) -> int:
        """Download to `target`, resumed with REST where the server supports it."""
        return download(
            path,
            target,
            stat=self.stat,
            chunks=lambda offset, _: self._chunks(path, offset),
            resume=self.abilities.resume,
            size=size,
        )

    def write(self, source: Path, path: str) -> int:
        """Upload to exactly this path; TransferInterrupted if the server shows another size."""
        step = self._step("write", path, missing=PathRefused)
        sent = self._send(source, path, step)
        size = self._size(self._step("check", path))
        if size != sent:
            raise step.error(TransferInterrupted, f"{size} of {sent} bytes arrived")
        return size

    def rename(self, old: str, new: str, *, replace: bool = False) -> None:
        """Rename or move; where the server refuses to replace, the old file is removed first."""
        step = self._step("rename to", new, missing=PathRefused)
        if not replace and self._exists(new):
            raise step.error(PathRefused, "a file of that name exists")
        try:
            self._rename(old, step)
        except PathRefused:
            if not replace or not self._exists(new):
                raise
            self._replaces = False
            self.remove(new)
            self._rename(old, step)

    def remove(self, path: str) -> None:
        """Delete one file."""
        self._ask_for_file("DELE", self._step("remove", path))

    def make_folder(self, path: str) -> None:
        """Create a folder and its parents."""
        for folder in names.steps_to(path):
            step = self._step("create the folder", folder, missing=PathRefused)
            try:
                self._ask("MKD", step)
            except ConfigurationError:
                with self._inside(folder, step):
                    pass  # an existing folder has several answers, so try to enter it

    def close(self) -> None:
        """Log out and close."""
        self._session.log_out()

    @contextmanager
    def _seam(self, step: Operation) -> Iterator[None]:
        """Map errors to ours; close the connection if a reply is still outstanding."""
        if self._session.sock is None:
            raise step.error(ServerUnavailable, "the connection was closed after an error")
        with ftp_errors(step):
            try:
                if not step.path.isascii():
                    self._session.enable_utf8()
                yield
            except BaseException as error:
                if not is_reply(error):
                    self._session.close()
                raise

    def _bounded(self, seconds: float | None = None) -> AbstractContextManager[None]:
        """Limit the time of one transfer."""
        return ended_after(
            seconds or self._timeouts.transfer, self._session.cut, "transfer_timeout_seconds"
        )

    def _wire(self, path: str) -> str:
        return self._codec.encode(path).decode(WIRE_ENCODING)

    def _ask(self, command: str, step: Operation) -> str:
        line = f"{command} {self._wire(step.path)}" if step.path else command
        with self._seam(step):
            return self._session.sendcmd(line)

    def _ask_for_file(self, command: str, step: Operation) -> None:
        try:
            self._ask(command, step)
        except FileGone:
            self._raise_if_present(step)

    def _raise_if_present(self, step: Operation) -> None:
        # 550 means both "missing" and "forbidden"; a file with a size is not missing.
        self.stat(step.path)
        raise step.error(PathRefused, "the server answered 550") from None

    def _exists(self, path: str) -> bool:
        try:
            self._size(self._step("check", path))
        except FileGone:
            return False
        return True

    @contextmanager
    def _inside(self, folder: str, step: Operation) -> Iterator[None]:
        # LIST could interpret a path as a pattern or an option; CWD does not.
        self._find_home(step)
        self._ask("CWD", Operation(step.address, step.verb, folder or ".", missing=PathRefused))
        yield
        with self._seam(step):
            self._session.sendcmd(f"CWD {self._home}")

    def _find_home(self, step: Operation) -> None:
        """Ask for the login folder, when it is first needed."""
        if self._home:
            return
        with self._seam(step):
            self._session.enable_utf8()  # also for the names that are listed
            answer = self._session.sendcmd("PWD")
            self._home = parse257(answer)  # noqa: S321 - clients may have FTP servers

    def _entries(self, folder: str) -> Iterable[Entry]:
        step = self._step("list", folder, missing=PathRefused)
        with self._inside(folder, step):
            if "MLST" in self._features:
                return parse_mlsd(self._lines("MLSD", step))
            return parse_list(self._lines("LIST", step), datetime.now(tz=UTC))

    def _lines(self, command: str, step: Operation) -> Iterable[bytes]:
        listing = EntrySpool()
        blocks = self._blocks(command, step, seconds=self._timeouts.listing)
        with ftp_errors(step), closing(blocks):
            for block in blocks:
                listing.add_lines(block)
        return listing.lines()

    def _files(
        self, folder: str, entries: Iterable[Entry], step: Operation
    ) -> Iterator[RemoteFile]:
        deadline = Deadline(self._timeouts.listing)
        with ftp_errors(step):
            for entry in entries:
                name = self._codec.decode(entry.name)
                if not entry.is_readable or not names.is_legal_name(name):
                    self._skipped += entry.kind in ("file", "link", "unreadable")
                elif entry.kind == "file":
                    yield RemoteFile(name, entry.size, entry.modified_at)
                elif entry.kind == "link":
                    deadline.check()
                    yield from self._followed(names.join_checked(folder, name))
        if self._skipped:
            names.warn_of_skipped(logger, self._address, self._skipped)

    def _followed(self, path: str) -> Iterator[RemoteFile]:
        try:
            yield self.stat(path)
        except (FileGone, PathRefused):
            return  # a link to a folder, or a broken one

    def _size(self, step: Operation) -> int:
        if "SIZE" in self._features:
            answer = _SIZE.fullmatch(self._ask("SIZE", step))
            if answer is None:
                raise step.error(ServerUnavailable, "the answer to SIZE is not a number of bytes")
            return int(answer[1])
        folder, name = names.split(step.path)
        wire = self._codec.encode(name)
        for entry in self._entries(folder):
            if entry.name == wire and entry.kind == "file":
                return entry.size
        raise step.error(FileGone, "it is not in the listing")

    def _chunks(self, path: str, offset: int) -> Iterator[bytes]:
        step = self._step("read", path)
        try:
            yield from self._blocks("RETR", step, self._wire(path), offset)
        except FileGone:
            self._raise_if_present(step)

    def _blocks(
        self,
        command: str,
        step: Operation,
        argument: str = "",
        offset: int = 0,
        seconds: float | None = None,
    ) -> Generator[bytes]:
        line = f"{command} {argument}" if argument else command
        with self._seam(step), self._bounded(seconds):
            conn = self._session.transfercmd(line, offset or None)
            try:
                yield from iter(partial(conn.recv, BLOCK_BYTES), b"")
            finally:
                end_data_connection(conn)
            self._session.voidresp()

    def _send(self, source: Path, path: str, step: Operation) -> int:
        line = f"STOR {self._wire(path)}"
        with source.open("rb") as file, self._seam(step), self._bounded():
            conn = self._session.transfercmd(line)
            try:
                for block in iter(partial(file.read, BLOCK_BYTES), b""):
                    conn.sendall(block)
            finally:
                end_data_connection(conn)
            self._session.voidresp()
            return file.tell()

    def _rename(self, old: str, step: Operation) -> None:
        self._ask_for_file("RNFR", self._step("rename", old))
        try:
            self._ask("RNTO", step)
        except ServerUnavailable:
            if self._session.sock is None:
                raise
            # pure-ftpd answers "try later" if the folder is missing or forbidden.
            raise step.error(PathRefused, "the server refused it temporarily") from None
