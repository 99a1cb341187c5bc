"""A stream of pieces as blocks that end at line ends; a line break is LF, CRLF or CR."""

from collections.abc import Iterable, Iterator


def line_blocks(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield the bytes of `pieces` in blocks of complete lines; the last may lack its line break.

    A line longer than `limit` bytes may come out shortened, but stays longer than `limit`, so
    that memory is bounded whatever the file holds.
    """
    rest = b""
    for piece in pieces:
        rest += piece
        end = _last_break(rest)
        if end:
            yield rest[:end]
            rest = rest[end:]
        if len(rest) > limit + 1:
            rest = rest[: limit + 1] + (b"\r" if rest.endswith(b"\r") else b"")
    if rest:
        yield rest


def _last_break(data: bytes) -> int:
    """Offset behind the last line break; a CR at the very end may be the half of a CRLF."""
    return max(data.rfind(b"\n"), data.rfind(b"\r", 0, max(len(data) - 1, 0))) + 1
