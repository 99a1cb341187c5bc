"""Listings of FTP servers, line by line."""

from datetime import UTC, datetime

import pytest

from blocks.transport.ftp.listing import Entry, parse_list, parse_mlsd, parse_stamp

pytestmark = pytest.mark.core

NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A moment in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (
            b"-rw-r--r--   1 owner group  1234 Jan 26 16:31 con  due spazi.csv",
            Entry(b"con  due spazi.csv", "file", 1234, at(2024, 1, 26, 16, 31)),
        ),
        (
            b"-rw-r--r--    1 1000     1000            7 Aug 05  2019 old.csv",
            Entry(b"old.csv", "file", 7, at(2019, 8, 5)),
        ),
        (
            b"-rw-r--r-- 1 ftp ftp 5 Dec 31 23:59  leading.csv",
            Entry(b" leading.csv", "file", 5, at(2023, 12, 31, 23, 59)),
        ),
        (
            b"-rw-r--r-- 1 ftp ftp 5 Mar 02 09:00 zone-ahead.csv",
            Entry(b"zone-ahead.csv", "file", 5, at(2024, 3, 2, 9, 0)),
        ),
        (
            b"-rw-r--r-- 1 ftp ftp 5 Feb 29 00:00 leap.csv",
            Entry(b"leap.csv", "file", 5, at(2024, 2, 29)),
        ),
        (
            b"-rw-r--r--+ 1 DOM\\user 512 99999999999 Feb 01 10:00 acl.csv",
            Entry(b"acl.csv", "file", 99999999999, at(2024, 2, 1, 10, 0)),
        ),
        (
            b"-rw-r--r-- 1 owner 5 Feb 01 10:00 no-group.csv",
            Entry(b"no-group.csv", "file", 5, at(2024, 2, 1, 10, 0)),
        ),
        (
            b"-rw-r--r-- 1 o g 5 gen 01 10:00 italian-month.csv",
            Entry(b"italian-month.csv", "file", 5, None),
        ),
        (
            b"drwxr-xr-x   2 owner group  4096 Jan 01  2024 folder",
            Entry(b"folder", "folder", 4096, at(2024, 1, 1)),
        ),
        (
            b"lrwxrwxrwx   1 owner group     8 Jan 01  2024 link.csv -> file.csv",
            Entry(b"link.csv", "link", 8, at(2024, 1, 1)),
        ),
        (
            b"01-26-24  04:31PM                 1234 con spazi.csv",
            Entry(b"con spazi.csv", "file", 1234, at(2024, 1, 26, 16, 31)),
        ),
        (
            b"01-26-2024  12:05AM  7 midnight.csv",
            Entry(b"midnight.csv", "file", 7, at(2024, 1, 26, 0, 5)),
        ),
        (
            b"12-31-99  16:00       <DIR>          folder",
            Entry(b"folder", "folder", 0, at(1999, 12, 31, 16, 0)),
        ),
    ],
)
def test_list_lines(line: bytes, entry: Entry) -> None:
    """Unix and DOS forms, with the year or with the time, names with spaces."""
    assert [*parse_list([line], NOW)] == [entry]


def test_list_lines_that_say_nothing() -> None:
    """Totals, devices and error texts are no files, and harm none beside them."""
    good = b"-rw-r--r-- 1 o g 5 Feb 01 10:00 good.csv"
    device = b"crw-rw-rw- 1 root root 1, 3 Feb 01 10:00 null"
    lines = [b"ls: cannot open directory", b"total 12", good, device, b"d????????? ? ? ? x"]
    assert [entry.kind for entry in parse_list(lines, NOW)] == [
        "unreadable",
        "file",
        "other",
        "other",
    ]


def test_list_name_with_a_line_break() -> None:
    """The beginning of a broken name is not taken for a file."""
    lines = [b"-rw-r--r-- 1 o g 5 Feb 01 10:00 a", b"b.csv"]
    assert [entry.kind for entry in parse_list(lines, NOW)] == ["unreadable"]


def test_mlsd_lines() -> None:
    """Facts in any order and letter case; the name begins after the first space."""
    lines = [
        b"type=file;size=7;modify=20240203040506.789;  two  spaces; and=signs.csv",
        b"Modify=20240203040506;Type=dir;UNIX.mode=0755; folder",
        b"type=cdir; .",
        b"type=OS.unix=slink:/x; link",
        b"type=OS.unix=chr-13/29; device",
        b"size=7;type=file; without time",
    ]
    moment = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert [*parse_mlsd(lines)] == [
        Entry(b" two  spaces; and=signs.csv", "file", 7, moment),
        Entry(b"folder", "folder", 0, moment),
        Entry(b".", "folder"),
        Entry(b"link", "link"),
        Entry(b"device", "other"),
        Entry(b"without time", "file", 7),
    ]


def test_mlsd_name_with_a_line_break() -> None:
    """A line without facts is the end of a broken name: its beginning is no file either."""
    lines = [b"type=file;size=1; a", b"b.csv", b"type=file;size=2; good.csv", b"c"]
    assert [entry.kind for entry in parse_mlsd(lines)] == ["unreadable", "unreadable"]
    assert [entry.name for entry in parse_mlsd(lines[:3]) if entry.kind == "file"] == [b"good.csv"]


@pytest.mark.parametrize("stamp", [b"", b"20241399000000", b"2024", b"Feb 3 2024"])
def test_times_that_are_none(stamp: bytes) -> None:
    """An invalid time is None, not an error or a guess."""
    assert parse_stamp(stamp) is None
