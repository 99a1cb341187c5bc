"""Listings are stored on disk, and read back unchanged."""

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.transport import spool
from blocks.transport.ftp.listing import parse_mlsd
from blocks.transport.spool import EntrySpool


def filled(*blocks: bytes) -> EntrySpool:
    made = EntrySpool()
    for block in blocks:
        made.add(block)
    return made


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_blocks_come_back_as_they_were(blocks: list[bytes]) -> None:
    """Empty ones too, in their order."""
    assert list(filled(*blocks).blocks()) == blocks


@given(st.lists(st.text("ab ;\r", min_size=1), max_size=8), st.integers(1, 5))
def test_lines_are_whole_wherever_they_were_cut(lines: list[str], size: int) -> None:
    """Blocks end anywhere; only the line end goes, and what is empty."""
    content = "\n".join(lines).encode()
    blocks = [content[at : at + size] for at in range(0, len(content), size)]
    expected = [line.encode().removesuffix(b"\r") for line in lines if line.strip()]
    assert list(filled(*blocks).lines()) == expected


def test_what_memory_does_not_take_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing larger than memory may hold is as whole as a small one."""
    monkeypatch.setattr(spool, "MEMORY_BYTES", 10)
    assert list(filled(b"one\ntwo", b"\nthr", b"ee\r\n").lines()) == [b"one", b"two", b"three"]


def test_a_listing_that_is_left_alone_leaves_no_file_open() -> None:
    """Nor one that was cut off, or that nobody reads to its end."""
    made = filled(b"one\n", b"two\n")
    file, lines = made._file, made.lines()
    next(lines)
    del made, lines
    cut = filled(b"one\n")
    other = cut._file
    del cut
    gc.collect()
    assert file.closed
    assert other.closed


def test_a_huge_folder_takes_the_memory_of_a_few_names() -> None:
    """Of 50,000 files, some hundred are in memory at a time."""
    line = b"type=file;size=7;modify=20240131120000; contacts-of-a-large-client-%06d.csv\r\n"
    tracemalloc.start()
    made = EntrySpool()
    for number in range(50_000):
        made.add(line % number)
    count = sum(entry.kind == "file" for entry in parse_mlsd(made.lines()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 50_000
    assert peak < 3 * spool.MEMORY_BYTES


@pytest.mark.parametrize("size", [1000, spool.MOST_LINE_BYTES, 100_000])
def test_a_line_without_end_is_refused_where_it_gets_too_long(size: int) -> None:
    """However it is cut into blocks, and before it is put together."""
    made, before = EntrySpool(), b"name\r\n"
    made.add_lines(before + b"x" * spool.MOST_LINE_BYTES)
    with pytest.raises(ValueError, match="a line of more than"):
        made.add_lines(b"y" * size)
