"""FTP servers that never come to an end, or that answer nonsense: an error of ours, and soon."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blocks.errors import FileHeld, PathRefused, RetryableError, SyncError
from blocks.transport import spool
from blocks.transport.base import Transport
from blocks.transport.timeouts import Timeouts
from tests.core.scripted_ftp import Saying, ftp_to

pytestmark = pytest.mark.core

SOON = 4.0
HUGE = b"9" * 5000


def for_ever(line: bytes) -> Callable[[], Iterator[bytes]]:
    """A line again and again, many at a time."""
    return lambda: itertools.repeat(line * 100)


def dripping(text: bytes) -> Callable[[], Iterator[bytes]]:
    """A text for ever, byte by byte, each byte well within the time-out."""

    def drip() -> Iterator[bytes]:
        for byte in itertools.cycle(text):
            time.sleep(0.05)
            yield bytes([byte])

    return drip


def use(transport: Transport, folder: Path) -> None:
    """All operations: list, attributes, read, write, delete."""
    [*transport.list("")]
    transport.stat("a.csv")
    transport.read("a.csv", folder / "a.csv")
    transport.rename("a.csv", "b.csv")
    transport.make_folder("c")
    transport.remove("b.csv")


@pytest.mark.parametrize(
    ("command", "saying"),
    [(each, for_ever(b"220-more\r\n")) for each in ("", "USER", "PASS", "FEAT", "SIZE", "PWD")]
    + [(each, dripping(b"211-more\r\n")) for each in ("", "PASS", "FEAT", "MDTM")]
    + [("SIZE", dripping(b"213 1")), ("RETR", for_ever(b"150-\r\n")), ("MDTM", for_ever(b"2"))],
)
def test_a_reply_without_end(command: str, saying: Saying, tmp_path: Path) -> None:
    """Lines without end, a line without end, a byte now and then: whichever command it is about."""
    began = time.monotonic()
    with pytest.raises(RetryableError), ftp_to({command: saying}) as transport:
        use(transport, tmp_path)
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize(
    "data",
    [
        dripping(b"type=file;size=1; a\r\n"),
        for_ever(b"type=file;size=1; a"),
        lambda: iter([b"x" * (1 << 20)] * 200),
    ],
    ids=["dripping", "a line without end", "a line of 200 MB"],
)
def test_a_listing_without_end(data: Saying) -> None:
    """It ends in time and in bytes, whatever its lines are."""
    began = time.monotonic()
    with pytest.raises(RetryableError), ftp_to(data=data) as transport:
        transport.list("")
    assert time.monotonic() - began < SOON


def test_a_listing_of_too_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with more names than accepted is refused with what to do, and not asked again."""
    monkeypatch.setattr(spool, "MOST_NAMES", 5000)
    data = for_ever(b"type=file;size=1; a\r\n")
    with (
        pytest.raises(PathRefused, match=r"5,000 names or .* move old files"),
        ftp_to(data=data) as there,
    ):
        there.list("")


NONSENSE: list[tuple[str, bytes]] = [
    *(("SIZE", b"213 " + text) for text in (b"anna@example.it", b"-5", HUGE, b"", b"3 4", b"0x3")),
    *(("MDTM", b"213 " + text) for text in (b"anna", HUGE, b"00000000000000", b"99991332256199")),
    *(("EPSV", text) for text in (b"229 a (|||x|)", b"229 (|||%s|)" % HUGE, b"229 (|||99999|)")),
    *(("EPSV", text) for text in (b"229 (|||-1|)", b"229", b"200 ok", b"229 ()", b"229 (|||0|)")),
    *(("PASV", text) for text in (b"227 (a,b,c,d,e,f)", b"227 (1,2,3,4,%s,1)" % HUGE, b"227")),
    ("PASV", b"227 (127,0,0,1,999,999)"),
    *(("RETR", text) for text in (b"150 open (%s bytes)" % HUGE, b"150 (-1 bytes)", b"999")),
    *(("PWD", text) for text in (b"257", b"257 x", b'257-a\r\n257 "a"\r\n', b'257-"a\r\n257 b"')),
    *(("FEAT", text) for text in (b"211", b"211-\r\n \r\n\r\n\xff\r\n211 end", b"250 ok")),
    *(("", text) for text in (b"\xff\xfe\r\n", b"220", b"\r\n", b"SSH-2.0-x", b"220\0")),
]


@pytest.mark.parametrize(("command", "answer"), NONSENSE)
def test_answers_that_make_no_sense(command: str, answer: bytes, tmp_path: Path) -> None:
    """Numbers with text or of 5,000 digits, addresses, dates: our own error, without their text."""
    says: dict[str, Saying] = {command: answer + b"\r\n"}
    if command == "PASV":
        says["EPSV"] = b"500 no\r\n"
    with pytest.raises(SyncError) as refused, ftp_to(says, b"abc") as transport:
        use(transport, tmp_path)
    text = str(refused.value).replace(refused.value.context["address"], "")  # its port may be 4999
    assert "anna" not in text and "999" not in text


@pytest.mark.parametrize(
    "facts",
    [b"size=%s" % HUGE, b"size=-5", b"size=x", b"size=3;modify=%s" % HUGE]
    + [b"size=3;modify=" + text for text in (b"0", b"00000101000000", b"99999999999999", b"\xff")],
)
def test_a_listing_with_nonsense(facts: bytes) -> None:
    """A file without a size is passed over and counted, one without a date has none."""
    data = b"type=file;%s; a.csv\r\ntype=file;size=3; b.csv\r\n" % facts
    with ftp_to(data=data) as transport:
        found = {each.name: each for each in transport.list("")}
        assert found["b.csv"].size == 3
        assert ("a.csv" in found) is (transport.skipped == 0)
    assert all(each.modified_at is None for each in found.values())


@pytest.mark.parametrize("size", [0, 3], ids=["empty", "half"])
def test_a_size_that_is_too_small(size: int, tmp_path: Path) -> None:
    """Half a file is never taken for the whole, nor an empty one."""
    says: dict[str, Saying] = {"SIZE": b"213 %d\r\n" % size}
    with ftp_to(says, b"abcdef") as transport, pytest.raises(FileHeld) as held:
        transport.read("a.csv", tmp_path / "a.csv", size=size)
    assert held.value.context["reason"] == "changed"
    assert not (tmp_path / "a.csv").exists()


def test_a_reply_of_too_many_bytes_ends_before_its_time() -> None:
    """It is ended by its size, long before a long time-out."""
    patient = Timeouts(connect=60, read=60, transfer=60)
    began = time.monotonic()
    with (
        pytest.raises(RetryableError, match="answer is invalid"),
        ftp_to({"SIZE": for_ever(b"213-more\r\n")}, timeouts=patient) as transport,
    ):
        transport.stat("a.csv")
    assert time.monotonic() - began < SOON
