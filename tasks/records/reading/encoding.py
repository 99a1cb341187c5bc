"""Encoding detection, and decoding to a stream of UTF-8.

Bytes that do not exist in the encoding stay invalid in the stream, so that only their line is
rejected.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import polars as pl
from charset_normalizer import from_bytes

from blocks.errors import FileHeld

PIECE = 3 << 19
"""Bytes read at a time."""

BOMS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_ACCEPTED = "utf-8, cp1252, iso-8859-1, iso-8859-15, utf-16"
_ASCII = bytes(range(0x80))
_NOT_LEADING = bytes(range(0xC0))
_SAMPLE = 1 << 16
_FEW = 10_000
# Code points at which cp1252 and iso-8859-15 disagree; cp1252 and iso-8859-1 agree from 0xA0 on.
_DIFFER = frozenset(b"\xa4\xa6\xa8\xb4\xb8\xbc\xbd\xbe")
_CP1252_ONLY = frozenset(range(0x80, 0xA0))
_WESTERN = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜàáâãäåæçèéêëìíîïñòóôõöøùúûüßŠšŽžŸŒœ‘’“”–—…€°ªº«»·´"
)
_PRINTED = {"cp1252": rb"[\x80-\xbf]"}
_ALSO_PRINTED = rb"[\xa0-\xbf]"
# With these leading bytes UTF-8 encodes letters and signs of Western, Vietnamese and most other
# Latin text; the other leading bytes are for scripts that use several in a row.
_EITHER = (
    rb"(?<![a-z\xc2-\xf4])[\xc6-\xd6\xd8-\xde]%(sign)b(?![\x80-\xff])"
    rb"|(?<=[A-Za-z])[\xe0\xe3-\xef]%(sign)b%(sign)b(?![\x80-\xff])"
)


@dataclass
class Survey:
    """Statistics of a file read as UTF-8.

    Size, number of valid characters beyond ASCII and of invalid bytes; if some are invalid, the
    bytes over 0x7F that occur, and a sample of the lines that contain them.
    """

    size: int = 0
    valid: int = 0
    bad: int = 0
    high: set[int] = field(default_factory=set)
    sample: bytearray = field(default_factory=bytearray)


def detect(path: Path, wanted: str) -> tuple[str, bool]:
    """Return (codec name, whether the file starts with a byte order mark).

    `wanted` is "auto" or a name that Dialect accepts. Raises FileHeld (reason "encoding") if the
    file contradicts `wanted`, or if "auto" finds no single answer.
    """
    with path.open("rb") as stream:
        head = stream.read(4096)
    if head.startswith(_UTF32):
        raise _held("The file is in UTF-32")
    marked = next((name for name, mark in BOMS.items() if head.startswith(mark)), None)
    if marked:
        if wanted != "auto" and not marked.startswith(wanted):
            raise _held(f"The file starts with the byte order mark of {marked}, not {wanted}")
        return marked, True
    wide = _wide(head)
    if wide or wanted == "utf-16":
        if wanted not in ("auto", "utf-16"):
            raise _held(f"The file is in UTF-16, not {wanted}")
        return wide or "utf-16-le", False
    found = survey(path)
    if wanted in ("auto", "utf-8"):
        return _narrow(found, wanted), False
    # Sequences that are implausible in the agreed encoding must outnumber those invalid in UTF-8.
    if found.valid > found.bad:
        either = _either(path, wanted)
        if found.valid - either > found.bad + either:
            raise _held(f"The file is in UTF-8, not {wanted}")
    return wanted, False


def _wide(head: bytes) -> str | None:
    """Detect UTF-16 without a byte order mark: every other byte of Western text is NUL."""
    even, odd = head[::2], head[1::2]
    if not odd:
        return None
    if odd.count(0) > 0.7 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.7 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be"
    return None


def survey(path: Path) -> Survey:
    """Read the whole file once and collect its statistics."""
    found = Survey()
    with path.open("rb") as stream:
        for block in line_blocks(iter(lambda: stream.read(PIECE), b""), PIECE):
            found.size += len(block)
            if not block.isascii():
                _count(block, found)
    return found


def _either(path: Path, wanted: str) -> int:
    """Count the valid UTF-8 characters that are plausible in a single-byte encoding as well.

    That is an accented letter followed by signs, such as the end of a quotation in capitals.
    """
    sign = _PRINTED.get(wanted, _ALSO_PRINTED)
    either = re.compile(_EITHER % {b"sign": sign})
    with path.open("rb") as stream:
        blocks = line_blocks(iter(lambda: stream.read(PIECE), b""), PIECE)
        return sum(len(either.findall(block)) for block in blocks if not block.isascii())


def is_utf8(data: bytes) -> bool:
    """Whether bytes are valid UTF-8; many times faster than decoding them."""
    try:
        pl.Series([data]).cast(pl.String)
    except pl.exceptions.ComputeError:
        return False
    return True


def _count(block: bytes, found: Survey) -> None:
    """Add the statistics of a block, which ends at a line end and so splits no character."""
    legal = block
    if not is_utf8(block):
        # A truncated last character is a sign of a truncated file, not of another encoding.
        text, read = codecs.utf_8_decode(block, "ignore", False)
        legal = text.encode()
        found.bad += read - len(legal)
        found.high.update(block.translate(None, _ASCII))
        if len(found.sample) < _SAMPLE:
            found.sample += _accented(block, _SAMPLE - len(found.sample))
    found.valid += len(legal.translate(None, _NOT_LEADING))


def _accented(block: bytes, room: int) -> bytes:
    """Lines of a block that contain a byte over 0x7F, about `room` bytes of them."""
    lines = (line for line in block.splitlines(keepends=True) if not line.isascii())
    return b"".join(islice(lines, room // 64 + 1))[:room]


def _narrow(found: Survey, wanted: str) -> str:
    """Decide between UTF-8 (also if agreed) and cp1252."""
    if wanted == "utf-8" or found.valid > found.bad or not found.bad:
        return "utf-8"
    problem = _cp1252_problem(found)
    if not problem:
        return "cp1252"
    # So few invalid bytes cost only their own lines; the rest reads alike in every encoding.
    if found.bad * _FEW <= found.size:
        return "utf-8"
    raise _held(problem)


def _cp1252_problem(found: Survey) -> str:
    """Why the file may not be cp1252; empty if it is, or if it makes no difference."""
    text = bytes(found.sample).decode("cp1252", "replace")
    high = [character for character in text if character > "\x7f"]
    if found.valid > 0.05 * found.bad:
        return "The file mixes UTF-8 with another encoding"
    plausible = sum(character in _WESTERN for character in high) >= 0.95 * len(high)
    if not plausible or not _confirmed(bytes(found.sample)):
        return "The file is neither UTF-8 nor clearly Western European"
    if not found.high & _CP1252_ONLY and found.high & _DIFFER:
        return "The file reads differently in cp1252 and in iso-8859-15"
    return ""


def _confirmed(sample: bytes) -> bool:
    """Whether charset-normalizer rates no DOS or Macintosh code page as more likely."""
    matches = from_bytes(sample, cp_isolation=["cp1252", "cp850", "mac_roman"])
    chaos = {match.encoding: match.chaos for match in matches}
    return "cp1252" in chaos and chaos["cp1252"] <= min(chaos.values())


def _held(fact: str) -> FileHeld:
    return FileHeld(
        f"{fact}. Accepted are {_ACCEPTED}; set dialect.encoding to the one agreed with the "
        "client, or ask the client to send the file again.",
        reason="encoding",
    )


def utf8_pieces(
    path: Path, encoding: str, *, bom: bool, size: int = PIECE, without: int = 0
) -> Iterator[bytes]:
    """Yield the file as pieces of UTF-8, of `size` source bytes each, without byte order mark.

    The last `without` bytes of the file are left out.

    A piece may end anywhere in a line, and for UTF-8 also within a character. A byte that does not
    exist in the encoding becomes an invalid byte.
    """
    start = len(BOMS[encoding]) if bom else 0
    if encoding == "utf-8":
        yield from _pieces(path, start, size, without)
        return
    decoder = codecs.getincrementaldecoder(encoding)(_errors(encoding))
    for piece in _pieces(path, start, size, without):
        yield decoder.decode(piece).encode("utf-8", _errors(encoding))


def _pieces(path: Path, start: int, size: int, without: int) -> Iterator[bytes]:
    left = path.stat().st_size - start - without
    with path.open("rb") as stream:
        stream.seek(start)
        while left > 0 and (piece := stream.read(min(size, left))):
            left -= len(piece)
            yield piece


def transcode(data: bytes, encoding: str) -> bytes:
    """Convert a part of a file to UTF-8, like `utf8_pieces`; drop an incomplete last character."""
    if encoding == "utf-8":
        return data
    decoder = codecs.getincrementaldecoder(encoding)(_errors(encoding))
    return decoder.decode(data).encode("utf-8", _errors(encoding))


def encoded_length(data: bytes, encoding: str) -> int:
    """Number of bytes that a result of `transcode` has in the file."""
    if encoding == "utf-8":
        return len(data)
    return len(data.decode("utf-8", _errors(encoding)).encode(encoding, _errors(encoding)))


def _errors(encoding: str) -> str:
    """Codec error handler that passes illegal input on as invalid UTF-8."""
    # A lone surrogate of UTF-16 survives as three bytes that are not valid UTF-8.
    return "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"


def line_blocks(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield the bytes of `pieces` in blocks of complete lines; the last may lack its line break.

    A line longer than `limit` bytes may be shortened, but stays longer than `limit`: memory is
    bounded whatever the file contains.
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
    """Offset after the last line break; a CR at the very end may be half of a CRLF."""
    return max(data.rfind(b"\n"), data.rfind(b"\r", 0, max(len(data) - 1, 0))) + 1
