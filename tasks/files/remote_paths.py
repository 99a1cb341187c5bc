"""Paths and names of files on a client's server."""

import hashlib
from datetime import datetime
from pathlib import PurePosixPath
from typing import Protocol

from blocks.transport.names import MAX_NAME_BYTES

LONGEST_ENDING = 100
"""Maximum length, in bytes, of an ending that is kept when a name is too long."""


class Listed(Protocol):
    """The properties of a file on a server that this module uses."""

    @property
    def name(self) -> str: ...
    @property
    def modified_at(self) -> datetime | None: ...


def join(folder: str, name: str) -> str:
    """Join a folder of the server, possibly empty or '.', and a name."""
    return name if folder in ("", ".") else str(PurePosixPath(folder) / name)


def fitting(name: str, ending: str) -> str:
    """Append an ending to a name; truncate a name that is too long for servers, and add its hash.

    Deterministic; different names give different results.
    """
    if len(ending.encode()) > LONGEST_ENDING:
        name, ending = name + ending, ""
    if len((name + ending).encode()) <= MAX_NAME_BYTES:
        return name + ending
    end = f"~{hashlib.sha256(name.encode()).hexdigest()[:8]}{ending}"
    room = MAX_NAME_BYTES - len(end.encode())
    return name.encode()[:room].decode(errors="ignore") + end


def unique_name(name: str, sha256: str, seen_at: datetime) -> str:
    """A unique and deterministic name for a content: NAME.TIME.HASH.ENDING."""
    stem, dot, ending = name.partition(".")
    return fitting(f"{stem}.{seen_at:%Y%m%dT%H%M%S}.{sha256[:8]}", dot + ending)
