"""A buffer for listings that may be larger than memory."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from weakref import finalize

MEMORY_BYTES = 1024 * 1024  # some thousand names; larger listings are kept in an unnamed file
SPOOL_BYTES = 256 * 1024 * 1024
MOST_NAMES = 1_000_000
MOST_LINE_BYTES = 16 * 1024  # a name has 255, and the target of a link 4,096
_LENGTH_BYTES = 4


class TooMuch(ValueError):
    """A folder has too many names; the text gives the limit."""


class EntrySpool:
    """A queue of byte blocks: first all are added, then they are read once, in order."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - see the next line
        finalize(self, self._file.close)  # also if the listing is not read to its end
        self._bytes = self._names = self._line = 0

    def add(self, block: bytes, names: int = 0) -> None:
        """Append a block; `names` is the number of names that begin in it.

        TooMuch if a listing has more than `SPOOL_BYTES` or `MOST_NAMES`.
        """
        self._bytes += len(block) + _LENGTH_BYTES
        self._names += names
        if self._bytes > SPOOL_BYTES or self._names > MOST_NAMES:
            raise TooMuch(
                f"it lists more than {MOST_NAMES:,} names or {SPOOL_BYTES:,} bytes; move old files "
                "out of the folder"
            )
        self._file.write(len(block).to_bytes(_LENGTH_BYTES))
        self._file.write(block)

    def add_lines(self, block: bytes) -> None:
        """Append a part of a text; ValueError if a line has more than `MOST_LINE_BYTES`."""
        whole, *others = block.split(b"\n")
        longest = max(self._line + len(whole), *map(len, others), 0)
        if longest > MOST_LINE_BYTES:
            raise ValueError(f"a line of more than {MOST_LINE_BYTES:,} bytes")
        self._line = len(others[-1]) if others else longest
        self.add(block, len(others))

    def blocks(self) -> Iterator[bytes]:
        """The blocks in the order they were added."""
        with self._file as file:
            file.seek(0)
            while length := file.read(_LENGTH_BYTES):
                yield file.read(int.from_bytes(length))

    def lines(self) -> Iterator[bytes]:
        """The lines of the blocks, without line ends and without empty lines."""
        rest = b""
        for block in self.blocks():
            *whole, rest = (rest + block).split(b"\n")
            yield from (line.removesuffix(b"\r") for line in whole if line.strip())
        if rest.strip():
            yield rest.removesuffix(b"\r")
