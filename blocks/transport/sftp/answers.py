"""Parse answers of SFTP servers strictly: a truncated answer is an error.

paramiko fills missing bytes with zeros, and so would count entries that do not exist.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import paramiko
from paramiko.message import Message

_SIZE, _OWNERS, _MODE, _TIMES, _EXTENDED = 1, 2, 4, 8, 1 << 31
MOST_SIZE = 10**15
"""Bytes; larger sizes are taken as errors of the server."""
_SHORTEST_ENTRY = 12  # two empty strings and the flags


@dataclass(frozen=True)
class Attributes:
    """Size in bytes, mode and modification time (UTC) of a file; None where the server omits it."""

    size: int | None = None
    mode: int | None = None
    changed: datetime | None = None


def attributes(answer: Message) -> Attributes:
    """Read the next attributes; SFTPError if they are truncated."""
    flags = _number(answer)
    size = _number(answer, 8) if flags & _SIZE else None
    if flags & _OWNERS:
        _take(answer, 8)
    mode = _number(answer) if flags & _MODE else None
    times = (_number(answer), _number(answer)) if flags & _TIMES else None
    for _ in range(_number(answer) if flags & _EXTENDED else 0):
        _text(answer)
        _text(answer)
    return Attributes(size, mode, datetime.fromtimestamp(times[1], tz=UTC) if times else None)


def count(part: bytes) -> int:
    """The number of entries that a part of a listing declares; SFTPError if it is too small."""
    declared = _number(Message(part))
    if declared * _SHORTEST_ENTRY > len(part):
        raise paramiko.SFTPError("Expected entries")
    return declared


def name_entries(part: bytes) -> Iterator[tuple[bytes, Attributes]]:
    """Raw names and attributes of a part of a listing."""
    answer = Message(part)
    for _ in range(_number(answer)):
        name = _text(answer)
        _text(answer)  # the entry as a line of text
        yield name, attributes(answer)


def names_of_pairs(answer: Message) -> Iterator[bytes]:
    """The names of the remaining name-value pairs, which are extensions."""
    while answer.packet.tell() < answer.packet.getbuffer().nbytes:
        yield _text(answer)
        _text(answer)


def _number(answer: Message, size: int = 4) -> int:
    return int.from_bytes(_take(answer, size))


def _text(answer: Message) -> bytes:
    return _take(answer, _number(answer))


def _take(answer: Message, size: int) -> bytes:
    data: bytes = answer.packet.read(size)
    if len(data) != size:
        raise paramiko.SFTPError("Expected more")
    return data
