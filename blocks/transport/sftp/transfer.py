"""Read and write an open SFTP file with many concurrent requests.

paramiko's own prefetch is not used: it keeps the whole file in memory, and falls back to one block
at a time whenever no request is open. Its requests have 32 KiB; where a server accepts larger ones
they need half the time (`docs/performance.md`).
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
SAFE_BYTES = 32 * 1024  # every server of SFTP version 3 must accept this
MOST_REQUEST_BYTES = 255 * 1024  # OpenSSH's limit; larger requests were not faster
IN_FLIGHT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class TransferLimits:
    """The largest read and write request in bytes that a server accepts."""

    read: int = SAFE_BYTES
    write: int = SAFE_BYTES


@dataclass
class _Request:
    """A requested part of the file and its data; None before the answer."""

    offset: int
    size: int
    data: bytes | None = None


def limits(client: SftpClient) -> TransferLimits:
    """The limits that the server reports; safe ones if it does not."""
    if LIMITS not in client.extensions:
        return TransferLimits()
    kind, answer = client._request(CMD_EXTENDED, LIMITS)
    if kind != CMD_EXTENDED_REPLY:
        return TransferLimits()
    answer.get_int64()  # the largest packet
    return TransferLimits(_bounded(answer.get_int64()), _bounded(answer.get_int64()))


def pull(
    client: SftpClient, file: paramiko.SFTPFile, offset: int, end: int, request: int
) -> Iterator[bytes]:
    """The bytes from `offset` to `end` in order, fewer if the file is shorter.

    `request` is the size of one request in bytes; what a server omits from an answer is requested
    again. If the file is longer than `end`, one more byte is returned, so that the caller notices.
    """
    waiting: deque[_Request] = deque()
    by_number: dict[int, _Request] = {}

    def ask(part: _Request) -> _Request:
        number = client._async_request(
            type(None), CMD_READ, file.handle, wide(part.offset), part.size
        )
        by_number[number] = part
        return part

    while offset <= end or waiting:
        while offset <= end and len(waiting) * request < IN_FLIGHT_BYTES:
            waiting.append(ask(_Request(offset, min(request, end - offset) or 1)))
            offset += waiting[-1].size
        while waiting[0].data is None:
            _receive(client, by_number)
        first = waiting.popleft()
        if not first.data:
            return
        yield first.data
        if missing := first.size - len(first.data):
            waiting.appendleft(ask(_Request(first.offset + len(first.data), missing)))


def push(client: SftpClient, file: paramiko.SFTPFile, blocks: Iterable[bytes]) -> int:
    """Write consecutive blocks from the file's start; returns the bytes written.

    No block may be larger than the server's limit.
    """
    offset = 0
    waiting: deque[int] = deque()
    for block in blocks:
        while len(waiting) * len(block) >= IN_FLIGHT_BYTES:
            _confirm(client, waiting.popleft())
        waiting.append(
            client._async_request(type(None), CMD_WRITE, file.handle, wide(offset), block)
        )
        offset += len(block)
    for number in waiting:
        _confirm(client, number)
    return offset


def _receive(client: SftpClient, by_number: dict[int, _Request]) -> None:
    number, kind, answer = client.next_answer()
    part = by_number.pop(number, None)
    if part is None:
        return  # an answer to an earlier transfer that was ended
    if client.is_end(kind, answer):
        part.data = b""
        return
    if kind == CMD_DATA:
        part.data = answer.get_string()
    if not part.data or len(part.data) > part.size:
        raise paramiko.SFTPError("Expected data")


def _confirm(client: SftpClient, number: int) -> None:
    kind, _ = client._read_response(number)
    if kind != CMD_STATUS:
        raise paramiko.SFTPError("Expected status")


def _bounded(limit: int) -> int:
    """A request's size; 0 means that the server has no limit."""
    return min(limit, MOST_REQUEST_BYTES) or MOST_REQUEST_BYTES
