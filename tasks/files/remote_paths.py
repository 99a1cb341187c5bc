"""Paths and names of files on a client's server."""

import hashlib
from datetime import datetime
from pathlib import PurePosixPath
from typing import Protocol

from blocks.transport.names import MAX_NAME_BYTES

LONGEST_ENDING = 100
"""Bytes of what is kept of a name's ending when the name is too long."""


class Listed(Protocol):
    """What this module needs to know of a file on a server."""

    @property
    def name(self) -> str: ...
    @property
    def modified_at(self) -> datetime | None: ...


def join(folder: str, name: str) -> str:
    """Join a folder of the server, possibly empty or '.', and a name."""
    return name if folder in ("", ".") else str(PurePosixPath(folder) / name)


def fitting(name: str, ending: str) -> str:
    """NAME and ENDING; where servers take no name that long, NAME is cut and gets a hash of itself.

    The same name always gives the same, and different ones different ones.
    """
    if len(ending.encode()) > LONGEST_ENDING:
        name, ending = name + ending, ""
    if len((name + ending).encode()) <= MAX_NAME_BYTES:
        return name + ending
    end = f"~{hashlib.sha256(name.encode()).hexdigest()[:8]}{ending}"
    room = MAX_NAME_BYTES - len(end.encode())
    return name.encode()[:room].decode(errors="ignore") + end


def unique_name(name: str, sha256: str, seen_at: datetime) -> str:
    """A name that is unique, and always the same for the same content: NAME.TIME.HASH.ENDING."""
    stem, dot, ending = name.partition(".")
    return fitting(f"{stem}.{seen_at:%Y%m%dT%H%M%S}.{sha256[:8]}", dot + ending)
