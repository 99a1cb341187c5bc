"""Compression of exported files, and names of done-markers.

The same file is compressed to the same bytes: archives contain no time, user or path. Encryption is
done by `tasks.gpg.encrypt`.
"""

import gzip
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO, Literal, Self

from pydantic import Field, model_validator

from blocks.errors import ConfigurationError
from tasks.agreements.base import Settings
from tasks.files.hashing import sha256_of
from tasks.reports.output.filenames import Naming, name_mistake

COMPRESSED = {"none": "", "gzip": ".gz", "zip": ".zip"}
ENCRYPTED = ".gpg"

_ENDINGS = re.compile(r"(\.gz|\.zip)?(\.gpg)?\Z")

_LEVEL = 6
_PIECE = 1 << 20
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can store
_PRIVATE_FILE = 0o100600 << 16
_UNIX = 3
_TOKEN = re.compile(r"\{[^{}]*\}|[{}]")


class Packing(Settings):
    """Compression, encryption and done-marker of a file."""

    compression: Literal["none", "gzip", "zip"] = Field(
        default="none",
        description="Deliver the file uncompressed, as NAME.gz, or as NAME.zip with one file.",
    )
    encrypt_for: str = Field(
        default="",
        pattern=r"^[a-z0-9-]*$",
        description=(
            "Name of the gpg-recipient block with the public keys of the client: the file, after "
            "compression, is encrypted for them and delivered as NAME.gpg; empty for none."
        ),
    )
    sign_with: str = Field(
        default="",
        pattern=r"^[a-z0-9-]*$",
        description="Name of the gpg-key block whose key signs encrypted files; empty for none.",
    )
    done_marker: str = Field(
        default="",
        max_length=100,
        description=(
            "Name of a small file that is delivered after each file when it is complete, such as "
            "{name}.ok, or {stem}.ok without the ending of the CSV file; empty for none."
        ),
    )
    done_content: Literal["empty", "sha256"] = Field(
        default="empty",
        description="Content of the done-marker: empty, or a line for sha256sum --check.",
    )

    @model_validator(mode="after")
    def _usable(self) -> "Packing":
        if mistake := _marker_mistake(self.done_marker):
            raise ValueError(f"done_marker {mistake}.")
        if self.sign_with and not self.encrypt_for:
            raise ValueError("sign_with signs only encrypted files; also set encrypt_for.")
        return self

    @property
    def ending(self) -> str:
        """The endings added to the name of the CSV file, such as `.gz.gpg`."""
        return COMPRESSED[self.compression] + (ENCRYPTED if self.encrypt_for else "")

    def marker_name(self, name: str) -> str:
        """Name of the done-marker of a file delivered as `name`, or empty."""
        base = base_name(name)
        marker = self.done_marker.replace("{name}", name).replace("{stem}", PurePath(base).stem)
        if marker in (base, name):
            raise ConfigurationError(
                "done_marker gives the name of the file itself; use another ending for it."
            )
        return marker

    def marker_text(self, name: str, sha256: str) -> str:
        """Content of the done-marker of the file delivered as `name` with this hash."""
        return f"{sha256}  {name}\n" if self.done_content == "sha256" else ""


def base_name(name: str) -> str:
    """The name of a delivered file without the endings of packing."""
    return _ENDINGS.sub("", name)


def _marker_mistake(template: str) -> str:
    """What is wrong with a marker's template, as the second half of a sentence."""
    tokens = _TOKEN.findall(template)
    if not template:
        return ""
    if tokens not in (["{name}"], ["{stem}"]):
        return "must contain {name} or {stem}, once, and no other braces"
    if mistake := name_mistake(template):
        return mistake
    if template.startswith(".") or template.endswith((".", " ")):
        return "starts or ends with a dot or a blank"
    return "needs an ending after {name}, such as {name}.ok" if template == "{name}" else ""


@dataclass(frozen=True)
class Packed:
    """A file to be delivered: local path, name at the client, size, SHA-256."""

    path: Path
    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path, name: str) -> Self:
        """The file at `path`, to be delivered as `name`."""
        return cls(path, name, path.stat().st_size, sha256_of(path))


def compress(path: Path, packing: Packing, folder: Path, name: str) -> Path:
    """Compress the file at `path` to `folder`; without compression return `path`.

    `name`: the CSV file's name at the client, and within a zip.
    """
    ending = COMPRESSED[packing.compression]
    target = path if packing.compression == "none" else folder / f"{path.name}{ending}"
    if packing.compression == "gzip":
        with path.open("rb") as source, target.open("wb") as raw:
            _gzip(source, raw)
    elif packing.compression == "zip":
        with path.open("rb") as source:
            _zip(source, target, name, path.stat().st_size)
    return target


def _gzip(source: BinaryIO, raw: BinaryIO) -> None:
    with gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=raw, mtime=0) as packed:
        shutil.copyfileobj(source, packed, _PIECE)


def _zip(source: BinaryIO, target: Path, name: str, size: int) -> None:
    member = zipfile.ZipInfo(name, _EARLIEST)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = _PRIVATE_FILE
    member.create_system = _UNIX
    member.file_size = size  # tells zipfile whether the large format is needed
    with zipfile.ZipFile(target, "w") as archive, archive.open(member, "w") as packed:
        shutil.copyfileobj(source, packed, _PIECE)


class Publishing(Settings):
    """How files are published, depending on what the client's server allows."""

    publish: Literal["rename", "direct"] = Field(
        default="rename",
        description=(
            "rename: upload under a temporary name, then rename, so that no incomplete file is "
            "visible. direct: for servers that do not allow renaming; needs a done-marker."
        ),
    )
    existing: Literal["replace", "keep"] = Field(
        default="replace",
        description=(
            "If a delivery is repeated, replace the existing file. keep: for servers that do not "
            "allow that; keeps the file if its size is right, else stops the run."
        ),
    )


def contradictions(publishing: Publishing, naming: Naming, packing: Packing) -> Iterator[str]:
    """Contradictions between the settings, as sentences."""
    if publishing.publish == "direct" and not packing.done_marker:
        yield (
            "publish 'direct' shows incomplete files; set done_marker, so that the client can wait "
            "for it, or use publish 'rename'."
        )
    if publishing.existing == "keep" and naming.overwrite:
        yield "existing 'keep' contradicts naming.overwrite; use only one of them."
