"""The bytes of an open SFTP file, with many requests on their way at once.

paramiko's own ways are not used: reading ahead, it keeps a whole file in memory and falls back to
one block at a time whenever no request happens to be open; and its requests are of 32 KiB, where
a server that takes larger ones needs half the time (`docs/performance.md`).
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import paramiko
from paramiko.sftp import (
    CMD_DATA,
    CMD_EXTENDED,
    CMD_EXTENDED_REPLY,
    CMD_READ,
    CMD_STATUS,
    CMD_WRITE,
)
from paramiko.sftp import int64 as wide

from blocks.transport.sftp.session import SftpClient

LIMITS = b"limits@openssh.com"
SAFE_BYTES = 32 * 1024  # what every server of SFTP version 3 has to take
MOST_REQUEST_BYTES = 255 * 1024  # OpenSSH's own; larger ones gained nothing
ON_THEIR_WAY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class TransferLimits:
    """The largest request in bytes to read, and to write, that a server takes."""

    read: int = SAFE_BYTES
    write: int = SAFE_BYTES


@dataclass
class _Asked:
    """A part of the file that was asked for, and what came of it; None before the answer."""

    offset: int
    size: int
    came: bytes | None = None


def limits(client: SftpClient) -> TransferLimits:
    """What the server says it takes, where it can be asked."""
    if LIMITS not in client.extensions:
        return TransferLimits()
    kind, answer = client._request(CMD_EXTENDED, LIMITS)
    if kind != CMD_EXTENDED_REPLY:
        return TransferLimits()
    answer.get_int64()  # a whole packet
    return TransferLimits(_bounded(answer.get_int64()), _bounded(answer.get_int64()))


def pull(
    client: SftpClient, file: paramiko.SFTPFile, offset: int, end: int, request: int
) -> Iterator[bytes]:
    """The bytes from `offset` to `end` in order, less if the file ends before.

    `request` is the size of one request in bytes; whatever a server leaves out of an answer is
    asked for again. Where the file goes on beyond `end`, one byte more comes: a size that was told
    too small is to be seen.
    """
    waiting: deque[_Asked] = deque()
    by_number: dict[int, _Asked] = {}

    def ask(part: _Asked) -> _Asked:
        number = client._async_request(
            type(None), CMD_READ, file.handle, wide(part.offset), part.size
        )
        by_number[number] = part
        return part

    while offset <= end or waiting:
        while offset <= end and len(waiting) * request < ON_THEIR_WAY_BYTES:
            waiting.append(ask(_Asked(offset, min(request, end - offset) or 1)))
            offset += waiting[-1].size
        while waiting[0].came is None:
            _take_answer(client, by_number)
        first = waiting.popleft()
        if not first.came:
            return
        yield first.came
        if missing := first.size - len(first.came):
            waiting.appendleft(ask(_Asked(first.offset + len(first.came), missing)))


def push(client: SftpClient, file: paramiko.SFTPFile, blocks: Iterable[bytes]) -> int:
    """Write blocks one behind the other from the file's start; returns the bytes written.

    No block may be larger than the server's limit.
    """
    offset = 0
    waiting: deque[int] = deque()
    for block in blocks:
        while len(waiting) * len(block) >= ON_THEIR_WAY_BYTES:
            _take_confirmation(client, waiting.popleft())
        waiting.append(
            client._async_request(type(None), CMD_WRITE, file.handle, wide(offset), block)
        )
        offset += len(block)
    for number in waiting:
        _take_confirmation(client, number)
    return offset


def _take_answer(client: SftpClient, by_number: dict[int, _Asked]) -> None:
    number, kind, answer = client.next_answer()
    part = by_number.pop(number, None)
    if part is None:
        return  # of a transfer that ended before all its answers had come
    if client.is_end(kind, answer):
        part.came = b""
        return
    if kind == CMD_DATA:
        part.came = answer.get_string()
    if not part.came or len(part.came) > part.size:
        raise paramiko.SFTPError("Expected data")


def _take_confirmation(client: SftpClient, number: int) -> None:
    kind, _ = client._read_response(number)
    if kind != CMD_STATUS:
        raise paramiko.SFTPError("Expected status")


def _bounded(told: int) -> int:
    """A request's size; a server that tells 0 sets no limit."""
    return min(told, MOST_REQUEST_BYTES) or MOST_REQUEST_BYTES
