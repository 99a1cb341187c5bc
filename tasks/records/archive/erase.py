"""Erasure: removes every record that contains a person's address or number from files.

Records are searched as text, whatever the columns mean, because archived files may have faults.
Nothing here reveals the person.
"""

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import idna
import phonenumbers
import polars as pl

from blocks.errors import ConfigurationError, FileHeld
from tasks.records.frames import LINE
from tasks.records.reading.around import ANYBODY, Wanted
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import Dialect, FileDialect, resolve
from tasks.records.results.parts import part_paths

_BETWEEN = r"[\s./()\-\u2010-\u2015\u2212]*"
"""Characters between the digits of a number."""
_PACKED = re.compile(
    rb"PK\x03\x04|\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|\xd0\xcf\x11\xe0|%PDF|PAR1|SQLite format"
)
"""First bytes of files that cannot be searched as text: archives, workbooks, documents."""
_CONTROLS = bytes({*range(0x20)} - set(b"\t\n\v\f\r\x1a\x1b"))
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


@dataclass(frozen=True, repr=False)
class Person:
    """A person to be erased, identified by an e-mail address or a mobile number."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, address: str) -> "Person":
        """From typed text; ConfigurationError, without the text, if it is neither."""
        text = address.strip()
        local, at, domain = text.rpartition("@")
        if at and local and "." in domain and not re.search(r"[\s;,]", text):
            return cls(_email(local, domain))
        with suppress(phonenumbers.NumberParseException):
            parsed = phonenumbers.parse(re.sub(r"^00", "+", text), None)
            return cls(_number(str(parsed.country_code), str(parsed.national_number)))
        raise ConfigurationError(
            "That is neither an e-mail address nor a mobile number with its country code. Accepted "
            "are one like anna@example.it and one like +39 333 1234567; type it again."
        )

    def is_in(self, text: str) -> bool:
        """Whether a text contains the address or number, in any usual spelling."""
        return any(self.pattern.search(form) for form in _forms(text))


def _email(local: str, domain: str) -> re.Pattern[str]:
    domains = {domain}
    with suppress(idna.IDNAError, UnicodeError):
        domains |= {idna.encode(domain.lower()).decode(), idna.decode(domain.lower())}
    either = "|".join(sorted(map(_quoted, domains)))
    return re.compile(rf"(?<![\w.+%-]){_quoted(local)}@(?:{either})(?![\w-]|\.\w)", re.IGNORECASE)


def _forms(text: str) -> Iterator[str]:
    """A text as it is, with URL escapes decoded, and without invisible characters."""
    yield text
    if "%" in text:
        yield unquote(text)
    if not text.isascii():
        composed = unicodedata.normalize("NFC", text)
        yield "".join(char for char in composed if unicodedata.category(char) != "Cf")


def _quoted(text: str) -> str:
    """Pattern of a text in a cell, where quotes may be doubled."""
    return "".join(f"{char}{{1,2}}" if char in "'\"" else re.escape(char) for char in text)


def _number(country: str, national: str) -> re.Pattern[str]:
    code, digits = _BETWEEN.join(country), _BETWEEN.join(national)
    return re.compile(rf"(?<!\d)(?:(?:\+|00)?{code}{_BETWEEN}|0)?{digits}(?!\d)")


def without_person(
    path: Path,
    agreed: Dialect,
    person: Person,
    target: Path,
    *,
    blank: bool,
    wanted: Wanted = ANYBODY,
) -> int:
    """Write a file without the records of a person to `target`; return how many were removed.

    Lines above and below the table count as records. Without records of the person nothing is
    written. With `blank` they are replaced by empty lines, so that line numbers stay. FileHeld if
    the file is not as agreed, or is not text, so that it cannot be searched.
    """
    if not may_contain(path, person, agreed.encoding):
        require_text(path)
        return 0
    dialect = _resolved(path, agreed, wanted)
    hits = [number for number, line in enumerate(_lines(path, dialect), 1) if person.is_in(line)]
    starts = _starts(path, dialect)
    # Index of each record; the header is none.
    header = bisect_right(starts, dialect.header_lines) - 1 if dialect.header else -1
    records = {bisect_right(starts, hit) - 1 for hit in hits} - {-1, header}
    if records:
        _rewrite(path, dialect, target, starts, records, blank=blank)
    return len(records)


def _resolved(path: Path, agreed: Dialect, wanted: Wanted) -> FileDialect:
    """Determine the dialect; with auto also of a file in a single-byte encoding.

    Auto accepted cp1252 before, and files were archived so. Keys are ASCII in all of them.
    """
    try:
        return resolve(path, agreed, wanted)
    except FileHeld as held:
        if held.context.get("reason") != "encoding" or agreed.encoding != "auto":
            raise
    return resolve(path, agreed.model_copy(update={"encoding": "iso-8859-1"}), wanted)


def may_contain(path: Path, person: Person, agreed: str = "auto") -> bool:
    """Whether the person occurs in the file, read in every possible encoding."""
    encodings = {"utf-8", "latin-1", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"}
    for encoding in encodings | ({agreed} - {"auto"}):
        with path.open(encoding=encoding, errors="replace", newline="") as lines:
            if any(map(person.is_in, lines)):
                return True
    return False


def require_text(path: Path) -> None:
    """Raise FileHeld for a file that is not text in any encoding, and so cannot be searched."""
    with path.open("rb") as stream:
        start = stream.read(1 << 20)
    if _PACKED.match(start) or not (_is_plain(start) or any(_is_wide(start, e) for e in _WIDE)):
        raise FileHeld(
            "The file is not text, so it cannot be searched. Search it by hand, or delete it.",
            reason="no_text",
        )


def _is_plain(start: bytes) -> bool:
    """Whether a file with this start may be text; damaged text has few control characters."""
    controls = len(start) - len(start.translate(None, _CONTROLS))
    return controls <= max(4, len(start) // 50)


def _is_wide(start: bytes, encoding: str) -> bool:
    """Whether it is text in an encoding with several bytes per character."""
    with suppress(UnicodeError):
        text = start[: len(start) // 4 * 4].decode(encoding)
        return _is_plain(text.encode()) and len(text.encode()) < len(start)
    return False


def _lines(path: Path, dialect: FileDialect) -> Iterator[str]:
    """The lines with their ends; invalid bytes are preserved when written again."""
    with path.open(encoding=dialect.encoding, errors="surrogateescape", newline="") as lines:
        yield from lines


def _starts(path: Path, dialect: FileDialect) -> "array[int]":
    """The lines on which records start, good and bad ones, and those around them, in order."""
    found = [pl.Series(dtype=pl.Int64)]
    if dialect.above:  # the header, which follows them
        found.append(pl.Series([dialect.above[-1] + 1], dtype=pl.Int64))
    for chunk in read_chunks(path, dialect):
        around = pl.Series([line for line, _ in chunk.around], dtype=pl.Int64)
        found += [chunk.frame[LINE], chunk.rejects["line"], around]
    return array("q", pl.concat(found).sort().to_list())


def _rewrite(
    path: Path, dialect: FileDialect, target: Path, starts: "array[int]", records: set[int],
    *, blank: bool,
) -> None:  # fmt: skip
    with target.open(
        "w", encoding=dialect.encoding, errors="surrogateescape", newline=""
    ) as written:
        for number, line in enumerate(_lines(path, dialect), 1):
            if bisect_right(starts, number) - 1 not in records:
                written.write(line)
            elif blank:
                written.write(line[len(line.rstrip("\r\n")) :])


def erase_unsubscribed(folder: Path | None, person: Person) -> int:
    """Remove a person from the parts of unsubscribed people, in place; return how many rows."""
    removed = 0
    for path in part_paths(folder):
        people = pl.read_parquet(path)
        theirs = pl.Series(map(person.is_in, people["address"]), dtype=pl.Boolean)
        if theirs.any():
            people.filter(~theirs).write_parquet(path, compression="lz4")
            removed += int(theirs.sum())
    return removed
