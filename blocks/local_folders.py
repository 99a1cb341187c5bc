"""Folders of the worker's machine, or mounted there: the block and its fields."""

from pathlib import Path
from typing import Literal

from prefect.blocks.core import Block
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, field_validator

from blocks.server_fields import LOGO, Encoding
from blocks.transport.base import Transport
from blocks.transport.folder.adapter import FolderSettings, FolderTransport


class FolderFields(BaseModel):
    """What is asked of folders."""

    model_config = ConfigDict(hide_input_in_errors=True)

    path: str = Field(
        title="Path",
        description=(
            "The folder, from the root of the file system (/srv/sftp/acme). Folders of agreements "
            "begin here, and nothing outside of it is reached."
        ),
    )
    encoding: Encoding = Field(
        default="utf-8",
        title="Encoding of names",
        description="Encoding of file names in the folder; the content of files is not touched.",
    )

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, path: str) -> str:
        if not path.startswith("/") or ".." in Path(path).parts or Path(path) == Path("/"):
            raise ValueError(
                "is to be a folder from the root of the file system, such as /srv/sftp/acme, "
                'without ".." and not the root itself'
            )
        return path


class LocalFolder(FolderFields, Block):
    """
    A folder that the worker's machine has, or mounts, in place of a file server.

    For clients whose files an SFTP server of your own, or a share, puts on a disk. Every worker
    that runs such a client needs the folder under the same path. Links in it are not followed.

    Attributes:
        path: The folder, from the root of the file system.
        encoding: Encoding of file names.
        protocol: Always "folder".

    Example:
        Load a folder and list what is in it:
        ```python
        from blocks.servers import LocalFolder

        folder = LocalFolder.load("BLOCK_NAME")
        with folder.connect() as transport:
            print([file.name for file in transport.list("in")])
        ```
    """

    _block_type_name = "Local Folder"
    _block_type_slug = "local-folder"
    _logo_url = LOGO
    _documentation_url = HttpUrl("https://man.openbsd.org/sshd_config#ChrootDirectory")

    protocol: Literal["folder"] = Field(
        default="folder", title="Protocol", description="The protocol of this kind of server."
    )

    @property
    def address(self) -> None:
        """A folder is on this machine."""
        return

    @property
    def connect_timeout_seconds(self) -> float:
        """No wait: a mount answers, or the system's own time-out ends it."""
        return 0.0

    def connect(self) -> Transport:
        """Open the folder; use the result as a context manager."""
        return FolderTransport(FolderSettings(Path(self.path), self.encoding))
