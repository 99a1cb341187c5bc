"""Unpacks zip and gz files as a stream, with limits against decompression bombs."""

import bz2
import gzip
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO, Literal, NoReturn

from pydantic import Field

from blocks.errors import FileHeld
from tasks.agreements.base import Settings

UNPACKED_NAME = "unpacked"
"""Name of the unpacked file; names inside an archive are never used as paths."""
_MEMBER_NAME = "member"
_PIECE = 1 << 20
_MAGIC = {"zip": (b"PK\x03\x04", b"PK\x05\x06"), "gz": (b"\x1f\x8b",)}
_OTHERS = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\xfd7zXZ\x00", b"BZh", b"\x28\xb5\x2f\xfd")
# A small file of empty cells compresses better than any bomb: the ratio counts from this size.
_RATIO_FROM_BYTES = 10_000_000
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_DECLARED = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, OSError)


class Unpacking(Settings):
    """Compression of a client's files, and limits for unpacking."""

    kind: Literal["auto", "none", "zip", "gz"] = Field(
        default="auto",
        description="Compression of the file; auto detects zip, gz and none by content.",
    )
    member: str = Field(
        default="*",
        min_length=1,
        description="File to extract from a zip, as a glob on its name; exactly one must match.",
    )
    max_bytes: int = Field(
        default=4_000_000_000, ge=1, description="Maximum size of the unpacked file, in bytes."
    )
    max_ratio: int = Field(
        default=250,
        ge=2,
        description="Maximum ratio of unpacked size to archive size, for content over 10 MB.",
    )
    max_members: int = Field(
        default=100, ge=1, description="Maximum number of entries in a zip, folders included."
    )


def unpack(path: Path, folder: Path, limits: Unpacking) -> Path:
    """Return the unpacked file in `folder`, or `path` itself if it is not compressed.

    Raises FileHeld with reason "archive" (damaged, other kind, several files), "encrypted",
    "nested" (an archive within the archive), "too_big" or "cut".
    """
    kind = _kind(path, limits.kind)
    if kind == "none":
        return path
    target = folder / UNPACKED_NAME
    with _held_if_damaged(target):
        if kind == "gz":
            with gzip.open(path) as source:
                _extract(source, path, target, limits)
        else:
            with _zip(path) as archive:
                _extract_member(archive, _member(archive, limits), path, target, limits)
    return target


def unpacked_members(path: Path, folder: Path, limits: Unpacking) -> Iterator[Path]:
    """Extract each file of a zip in turn, to the same place in `folder`.

    Raises FileHeld like `unpack`; the members after it are not extracted.
    """
    target = folder / _MEMBER_NAME
    with _held_if_damaged(target), _zip(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                _extract_member(archive, member, path, target, limits)
                yield target


@contextmanager
def _held_if_damaged(target: Path) -> Iterator[None]:
    """Raise FileHeld for damaged archives; the target of a failed extraction is removed."""
    try:
        yield
    except EOFError:
        target.unlink(missing_ok=True)
        _hold("The archive is truncated", "cut")
    except _DECLARED as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno:
            raise
        _hold("The archive is damaged", "archive")
    except FileHeld:
        target.unlink(missing_ok=True)
        raise


def _kind(path: Path, wanted: str) -> str:
    with path.open("rb") as stream:
        head = stream.read(8)
    found = next((kind for kind, magic in _MAGIC.items() if head.startswith(magic)), "none")
    if wanted == "none":
        return wanted
    if wanted not in ("auto", found):
        _hold(f"The file is not a {wanted} archive", "archive")
    if found == "none" and head.startswith(_OTHERS):
        _hold("The file is an archive of another kind", "archive")
    return found


def _zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        _hold("The zip has no directory at its end and seems to be truncated", "cut")


def _extract_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, target: Path, limits: Unpacking
) -> None:
    if member.flag_bits & 1:
        _hold("The zip is encrypted with a password", "encrypted")
    if stat.S_ISLNK(member.external_attr >> 16):
        _hold("The zip contains a link instead of a file", "archive")
    if member.compress_type not in _READABLE:
        _hold("The zip uses a compression that is not supported", "archive")
    try:
        with _opened(archive, member) as source:
            _extract(source, path, target, limits)
    except NotImplementedError:
        _hold("The zip uses a feature that is not supported", "archive")


@contextmanager
def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Open a member as a stream.

    zipfile would decompress all bzip2 data that it has read: gigabytes from a thousand bytes.
    """
    if member.compress_type != zipfile.ZIP_BZIP2:
        with archive.open(member) as source:
            yield source
        return
    packed = copy(member)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    del packed.CRC  # of the unpacked data; bzip2 has its own
    with archive.open(packed) as inner, bz2.open(inner) as source:
        yield source


def _member(archive: zipfile.ZipFile, limits: Unpacking) -> zipfile.ZipInfo:
    """The one data file of a zip, not counting folders and files that macOS adds."""
    entries = archive.infolist()
    if len(entries) > limits.max_members:
        _hold(f"The zip lists {len(entries)} entries, more than {limits.max_members}", "archive")
    names = {entry: PurePosixPath(entry.filename.replace("\\", "/")) for entry in entries}
    files = [
        entry
        for entry, name in names.items()
        if not entry.is_dir() and name.parts[:1] != ("__MACOSX",) and name.name != ".DS_Store"
    ]
    matching = [entry for entry in files if fnmatch(names[entry].name, limits.member)]
    if len(matching) != 1:
        _hold(f"{len(matching)} of {len(files)} files in the zip match, instead of one", "archive")
    return matching[0]


def _extract(
    source: IO[bytes] | gzip.GzipFile, archive: Path, target: Path, limits: Unpacking
) -> None:
    """Write the unpacked data, counting its bytes: declared sizes are not trusted."""
    packed, written = archive.stat().st_size, 0
    with target.open("wb") as stream:
        while piece := source.read(_PIECE):
            if not written and piece.startswith((*_MAGIC["zip"], *_MAGIC["gz"], *_OTHERS)):
                _hold("The archive contains another archive", "nested")
            written += len(piece)
            if written > limits.max_bytes:
                _hold(f"The unpacked file has more than {limits.max_bytes} bytes", "too_big")
            if written > _RATIO_FROM_BYTES and written > packed * limits.max_ratio:
                _hold(
                    f"The unpacked file is over {limits.max_ratio} times the size of the archive",
                    "too_big",
                )
            stream.write(piece)


def _hold(fact: str, reason: str) -> NoReturn:
    raise FileHeld(
        f"{fact}. Accepted are an uncompressed file, a gz, or a zip with one data file and no "
        "password, within the limits of the unpacking settings; ask the client to send that.",
        reason=reason,
    )
