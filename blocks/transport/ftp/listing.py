"""Parse listings of FTP servers: MLSD (RFC 3659), and the two common formats of LIST.

Names stay bytes until the adapter decodes them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

EntryKind = Literal["file", "folder", "link", "other", "unreadable"]

STAMP = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?")
TOTAL = re.compile(rb"\s*total \d+\s*", re.I)
UNIX_MODE = re.compile(rb"[bcdlps-][rwxsStTl?-]{9}")
UNIX_LINE = re.compile(
    rb"(?P<type>[bcdlps-])[rwxsStTl-]{9}[.+@]?\s+\d+\s+"
    rb"(?:\S+\s+){1,3}?(?P<size>\d+)\s+"
    rb"(?P<month>[A-Za-z]{3})\s+(?P<day>\d{1,2})\s+(?P<when>\d{1,2}:\d{2}|\d{4}) (?P<name>.+)"
)
DOS_LINE = re.compile(
    rb"(?P<month>\d\d)-(?P<day>\d\d)-(?P<year>\d{2,4})\s+"
    rb"(?P<hour>\d\d):(?P<minute>\d\d)(?P<half>[AP]M)?\s+(?:(?P<folder><[A-Z]+>)|(?P<size>\d+))"
    rb" +(?P<name>.+)",
    re.I,
)
MONTHS = [b"jan", b"feb", b"mar", b"apr", b"may", b"jun"]
MONTHS += [b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"]
KINDS_OF_LIST: dict[bytes, EntryKind] = {b"-": "file", b"d": "folder", b"l": "link"}
LINK_ARROW = b" -> "
_SIZE_DIGITS = 15
_YEARS = range(1900, 2200)


@dataclass(frozen=True)
class Entry:
    """One line of a listing.

    `size` is 0 and `modified_at` None if the line has none; `size` is -1 if it is invalid.
    """

    name: bytes
    kind: EntryKind
    size: int = 0
    modified_at: datetime | None = None

    @property
    def is_readable(self) -> bool:
        """Whether the line has a complete name and a valid size."""
        return self.kind != "unreadable" and self.size >= 0


def parse_mlsd(lines: Iterable[bytes]) -> Iterator[Entry]:
    """Entries of an MLSD answer."""
    return _without_broken_names(map(parse_facts, lines))


def parse_facts(line: bytes) -> Entry:
    """One line of MLSD: `type=file;size=7;modify=20240131120000; name`."""
    facts_text, space, name = line.partition(b" ")
    pairs = [fact.partition(b"=") for fact in facts_text.split(b";") if fact]
    facts = {key.lower(): value for key, equals, value in pairs if equals}
    if not space or b"type" not in facts:
        return Entry(line, "unreadable")
    size = facts.get(b"size", b"0")
    return Entry(
        name,
        _kind_of_fact(facts[b"type"].lower()),
        _size(size),
        parse_stamp(facts.get(b"modify", b"")),
    )


def parse_stamp(stamp: bytes) -> datetime | None:
    """A time `YYYYMMDDHHMMSS[.sss]` of MDTM or MLSD, in UTC; None if it is invalid."""
    whole = STAMP.fullmatch(stamp.strip())
    return None if whole is None else _moment(*map(int, whole.groups()))


def parse_list(lines: Iterable[bytes], now: datetime) -> Iterator[Entry]:
    """Entries of a LIST answer, in the format of Unix or of DOS.

    Times are to the minute (of older files: to the day) and taken as UTC, because LIST gives no
    zone; a day without a year is the latest one that is not after `now`.
    """
    entries = (_list_entry(line, now) for line in lines if not TOTAL.fullmatch(line))
    return _without_broken_names(entries)


def _without_broken_names(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries; one that is followed by an unreadable line becomes unreadable itself.

    Such a line is the rest of a name that contains a line break.
    """
    previous: Entry | None = None
    for entry in entries:
        if entry.kind == "unreadable" and previous is not None:
            previous = replace(previous, kind="unreadable")
            continue
        if previous is not None:
            yield previous
        previous = entry
    if previous is not None:
        yield previous


def _list_entry(line: bytes, now: datetime) -> Entry:
    if unix := UNIX_LINE.fullmatch(line):
        return _unix_entry(unix, now)
    if dos := DOS_LINE.fullmatch(line):
        return _dos_entry(dos)
    # Devices have two numbers instead of a size, and some servers print unknown formats.
    return Entry(line, "other" if UNIX_MODE.match(line) else "unreadable")


def _kind_of_fact(fact: bytes) -> EntryKind:
    if fact == b"file":
        return "file"
    if fact in (b"dir", b"cdir", b"pdir"):
        return "folder"
    return "link" if b"link" in fact else "other"


def _unix_entry(match: re.Match[bytes], now: datetime) -> Entry:
    kind = KINDS_OF_LIST.get(match["type"], "other")
    name = match["name"].partition(LINK_ARROW)[0] if kind == "link" else match["name"]
    return Entry(name, kind, _size(match["size"]), _unix_time(match, now))


def _unix_time(match: re.Match[bytes], now: datetime) -> datetime | None:
    if match["month"].lower() not in MONTHS:
        return None
    month, day = MONTHS.index(match["month"].lower()) + 1, int(match["day"])
    hour, colon, minute = match["when"].partition(b":")
    if not colon:
        return _moment(int(match["when"]), month, day)
    # A server in a zone east of UTC may show a time of tomorrow; a later one is of last year.
    limit = now + timedelta(days=1)
    for year in (limit.year, limit.year - 1):
        found = _moment(year, month, day, int(hour), int(minute))
        if found is not None and found <= limit:
            return found
    return None


def _dos_entry(match: re.Match[bytes]) -> Entry:
    year = int(match["year"])
    if year < 100:
        year += 2000 if year < 70 else 1900
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].upper() == b"PM" else 0)
    when = _moment(year, int(match["month"]), int(match["day"]), hour, int(match["minute"]))
    return Entry(
        match["name"], "folder" if match["folder"] else "file", _size(match["size"] or b"0"), when
    )


def _size(digits: bytes) -> int:
    return int(digits) if digits.isdigit() and len(digits) <= _SIZE_DIGITS else -1


def _moment(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0
) -> datetime | None:
    if year not in _YEARS:
        return None  # outside this range, zone conversions may overflow
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
