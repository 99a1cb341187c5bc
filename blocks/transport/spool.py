"""A listing put aside as it comes, so that a folder may hold more names than memory should."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from weakref import finalize

MEMORY_BYTES = 1024 * 1024  # some thousand names; what is more waits in a nameless file
_LENGTH_BYTES = 4


class Spool:
    """Blocks of bytes: first all are added, then they are read once, in their order."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - see the next line
        finalize(self, self._file.close)  # also where a listing is cut off, or not read to its end

    def add(self, block: bytes) -> None:
        """Put a block behind the others."""
        self._file.write(len(block).to_bytes(_LENGTH_BYTES))
        self._file.write(block)

    def blocks(self) -> Iterator[bytes]:
        """The blocks as they were added."""
        with self._file as file:
            file.seek(0)
            while length := file.read(_LENGTH_BYTES):
                yield file.read(int.from_bytes(length))

    def lines(self) -> Iterator[bytes]:
        """What the blocks hold, line by line, without line ends and without empty lines."""
        rest = b""
        for block in self.blocks():
            *whole, rest = (rest + block).split(b"\n")
            yield from (line.removesuffix(b"\r") for line in whole if line.strip())
        if rest.strip():
            yield rest.removesuffix(b"\r")
