"""Encoding detection, and decoding to a stream of UTF-8.

Bytes that do not exist in the encoding stay invalid in the stream, so that only their line is
rejected.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import polars as pl

from blocks.errors import FileHeld
from tasks.records.reading.candidates import SINGLE_BYTE, Candidate, candidates

PIECE = 3 << 19
"""Bytes read at a time."""

BOMS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_NOT_LEADING = bytes(range(0xC0))
_SAMPLE = 1 << 16
_FEW = 10_000
_SHOWN = 4
_LATIN = [chr(code) for code in (*range(0xC0, 0x180), *range(0x218, 0x21C))]
_SMALL = "".join(filter(str.islower, _LATIN))
_CAPITAL = "".join(filter(str.isupper, _LATIN))
_SOUND = re.compile(
    # A Latin letter whose case fits the letters beside it, or a word of one such letter.
    f"(?<=[a-z])[{_SMALL}]|[{_SMALL}](?=[a-z])|(?<=[A-Z])[{_CAPITAL}]|[{_CAPITAL}](?=[A-Z])"
    f"|(?<![A-Za-z])[{_CAPITAL}](?=[a-z])"
    "|(?<![A-Za-z\x80-\U0010ffff])[\xc0-\xff](?![A-Za-z\x80-\U0010ffff])"
    # A sign that is not among capitals, typographic signs, an accent of its own, an emoji.
    "|(?<![A-Z])[\xa0-\xbf]|[\xa0-\xbf](?![A-Z])|[\x80-\x9f\u2000-\u303f\ufe00-\uffef]"
    "|(?<=[A-Za-z])[\u0300-\u0309\u030b\u030c\u0327\u0328]|(?<=[AUau])\u030a"
    "|[\U0001f000-\U0001faff]"
    # Letters of other alphabets, of which there are several in a row.
    "|(?<=[A-Za-z])[\u1e00-\u1eff]|[\u0370-\u1dff\u3040-\ud7ff\uf900-\ufdff]{2,}"
)
"""Characters that no single-byte text has where they stand, if its bytes are read as UTF-8.

Two letters of such a text can be a character of UTF-8 by accident: `CAFFÈ™` of cp1252, or `ĘŻ` of
iso-8859-2.
"""


@dataclass
class Survey:
    """Statistics of a file read as UTF-8.

    Size, number of valid characters beyond ASCII and of invalid bytes, and a sample of the lines
    that contain a byte over 0x7F.
    """

    size: int = 0
    valid: int = 0
    bad: int = 0
    sample: bytearray = field(default_factory=bytearray)


def detect(path: Path, wanted: str) -> tuple[str, bool]:
    """Return (codec name, whether the file starts with a byte order mark).

    `wanted` is "auto" or a name that Dialect accepts. Raises FileHeld (reason "encoding") if the
    file contradicts `wanted`, or if "auto" is not certain.
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
    if wanted == "auto":
        return _certain(path, found), False
    if wanted != "utf-8" and found.valid > found.bad:
        sound = _sound(path)
        if sound > found.bad + found.valid - sound:
            raise _held(f"The file is in UTF-8, not {wanted}")
    return wanted, False


def _certain(path: Path, found: Survey) -> str:
    """UTF-8, or FileHeld: which of the single-byte encodings a file is in is never certain."""
    if not found.valid and found.bad * _FEW <= found.size:
        return "utf-8"  # the few invalid bytes cost their lines; ASCII reads alike in all encodings
    if found.valid > found.bad and _sound(path, enough=found.bad + 1) > found.bad:
        return "utf-8"
    if found.valid > 0.05 * found.bad and found.bad:
        raise _held("The file mixes UTF-8 with another encoding")
    raise _held(_uncertain(candidates(bytes(found.sample))))


def _uncertain(read: Sequence[Candidate]) -> str:
    """What to do about a file in a single-byte encoding; no word of it."""
    if not read:
        return "The file is not text in UTF-8, nor in a single-byte encoding"
    best, *others = (" or ".join(each.encodings) for each in read[:_SHOWN])
    fact = (
        "The file is not in UTF-8, and in which single-byte encoding it is cannot be certain. It "
        f"reads best as {best}"
    )
    if others:
        fact += f"; possible are also {', '.join(others)}"
    if any("cp1252" in each.encodings for each in read):
        fact += (
            ". Auto accepted cp1252 before: if the names of earlier files arrived correctly, set "
            "dialect.encoding to cp1252"
        )
    return fact


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


def _sound(path: Path, enough: int | None = None) -> int:
    """Count the characters of valid UTF-8 that no single-byte text has, until there are enough."""
    count = 0
    with path.open("rb") as stream:
        for block in line_blocks(iter(lambda: stream.read(PIECE), b""), PIECE):
            if not block.isascii():
                text = b"".join(_beyond_ascii(block)).decode("utf-8", "replace")
                count += sum(len(found[0]) for found in islice(_SOUND.finditer(text), enough))
            if enough is not None and count >= enough:
                break
    return count


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
    if len(found.sample) < _SAMPLE:
        found.sample += _accented(block, _SAMPLE - len(found.sample))
    if not is_utf8(block):
        # A truncated last character is a sign of a truncated file, not of another encoding.
        text, read = codecs.utf_8_decode(block, "ignore", False)
        legal = text.encode()
        found.bad += read - len(legal)
    found.valid += len(legal.translate(None, _NOT_LEADING))


def _accented(block: bytes, room: int) -> bytes:
    """Lines of a block that contain a byte over 0x7F, about `room` bytes of them."""
    return b"".join(islice(_beyond_ascii(block), room // 64 + 1))[:room]


def _beyond_ascii(block: bytes) -> Iterator[bytes]:
    return (line for line in block.splitlines(keepends=True) if not line.isascii())


def _held(fact: str) -> FileHeld:
    return FileHeld(
        f"{fact}. Accepted are UTF-8, UTF-16 and, if agreed, {', '.join(SINGLE_BYTE)}; set "
        "dialect.encoding to the one agreed with the client, or ask the client to send the file in "
        "UTF-8.",
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
