"""What SFTP servers answer, read to the byte: nothing is made up where an answer is cut.

paramiko fills what is missing with zeros, and so counts entries that are not there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import paramiko
from paramiko.message import Message

_SIZE, _OWNERS, _MODE, _TIMES, _EXTENDED = 1, 2, 4, 8, 1 << 31
MOST_SIZE = 10**15
"""Bytes; no file has more."""
_SHORTEST_ENTRY = 12  # two empty texts and the flags


@dataclass(frozen=True)
class Attributes:
    """What a server tells of a file: bytes, mode, time of change (UTC); None where it does not."""

    size: int | None = None
    mode: int | None = None
    changed: datetime | None = None


def attributes(answer: Message) -> Attributes:
    """The attributes that come next; SFTPError where they are cut."""
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
    """How many entries a part of a listing says it has; SFTPError if they cannot be in it."""
    told = _number(Message(part))
    if told * _SHORTEST_ENTRY > len(part):
        raise paramiko.SFTPError("Expected entries")
    return told


def name_entries(part: bytes) -> Iterator[tuple[bytes, Attributes]]:
    """Raw names and attributes of a part of a listing."""
    answer = Message(part)
    for _ in range(_number(answer)):
        name = _text(answer)
        _text(answer)  # the same for people
        yield name, attributes(answer)


def names_of_pairs(answer: Message) -> Iterator[bytes]:
    """The names of the pairs that are left: extensions, and what they say."""
    while answer.packet.tell() < answer.packet.getbuffer().nbytes:
        yield _text(answer)
        _text(answer)


def _number(answer: Message, size: int = 4) -> int:
    return int.from_bytes(_take(answer, size))


def _text(answer: Message) -> bytes:
    return _take(answer, _number(answer))


def _take(answer: Message, size: int) -> bytes:
    taken: bytes = answer.packet.read(size)
    if len(taken) != size:
        raise paramiko.SFTPError("Expected more")
    return taken
