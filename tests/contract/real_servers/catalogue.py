"""What a contract test knows of a server: how to connect, and where its files lie on this disk."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from blocks.transport.base import Transport
from blocks.transport.folder.adapter import FolderSettings, FolderTransport
from blocks.transport.ftp.adapter import FtpTransport
from blocks.transport.ftp.session import FtpSettings
from blocks.transport.sftp.adapter import SftpTransport
from blocks.transport.sftp.session import SftpSettings
from blocks.transport.timeouts import Timeouts

TIMEOUTS = Timeouts(connect=10, read=10, transfer=60)


@dataclass(frozen=True)
class Certificate:
    """PEM files of a server, and the certificate of its CA."""

    authority: str
    certificate: Path
    private_key: Path


@dataclass(frozen=True)
class Server:
    """A running server; `root` is its user's folder after login."""

    protocol: Literal["ftp", "ftps", "ftps-implicit", "sftp", "folder"]
    port: int
    username: str
    password: str
    root: Path
    owner: tuple[int, int] | None = None
    host_key: str | None = None
    authority: str | None = None
    has_mlsd: bool = True
    knows_only_rfc_959: bool = False
    refuses_overwriting: bool = False
    folder: str = field(default="")

    def connect(self, **changes: Any) -> Transport:
        """Log in, with correct settings apart from the changes."""
        if self.protocol == "folder":
            return FolderTransport(replace(FolderSettings(self.root), **changes))
        if self.protocol == "sftp":
            settings = SftpSettings(
                "127.0.0.1",
                self.port,
                self.username,
                self.password,
                host_key=self.host_key,
                timeouts=TIMEOUTS,
            )
            return SftpTransport(replace(settings, **changes))
        tls = {"ftp": "none", "ftps": "explicit", "ftps-implicit": "implicit"}[self.protocol]
        ftp_settings = FtpSettings(
            "127.0.0.1",
            self.port,
            self.username,
            self.password,
            tls=tls,
            ca_certificate=self.authority,
            timeouts=TIMEOUTS,
        )
        return FtpTransport(replace(ftp_settings, **changes))

    @property
    def follows_links(self) -> bool:
        """Whether a link to a file is listed and read as that file."""
        return not self.knows_only_rfc_959 and self.protocol != "folder"

    @property
    def disk(self) -> Path:
        """The test's own folder, as it lies on this machine's disk."""
        return self.root / self.folder

    def plant(self, name: str | bytes, content: bytes = b"x") -> Path:
        """Put a file into the test's folder, without the server."""
        path = Path(os.fsdecode(os.path.join(os.fsencode(self.disk), os.fsencode(name))))  # noqa: PTH118 - names that are no text
        path.write_bytes(content)
        self.own(path)
        return path

    def own(self, path: Path) -> None:
        """Give a file to the server's user."""
        if self.owner is not None:
            os.chown(path, *self.owner)
