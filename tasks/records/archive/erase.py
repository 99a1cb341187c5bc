"""Taking a person out of files: every record in which an address or a number occurs.

A record is looked through as text, whatever its columns mean, for the files kept are those with
faults as well. Nothing here says whom it is about.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import idna
import phonenumbers
import polars as pl

from blocks.errors import ConfigurationError
from tasks.records.frames import LINE
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import Dialect, FileDialect, resolve
from tasks.records.results.parts import part_paths

_BETWEEN = r"[\s./()-]*"
"""What people write between the digits of a number."""


@dataclass(frozen=True, repr=False)
class Person:
    """Somebody to be forgotten, known by an e-mail address or a mobile number."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, address: str) -> "Person":
        """From what was typed; ConfigurationError where it is neither, without saying what."""
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
        """Whether the address or number occurs in a text, in any usual spelling."""
        return self.pattern.search(text) is not None


def _email(local: str, domain: str) -> re.Pattern[str]:
    domains = {domain}
    with suppress(idna.IDNAError, UnicodeError):
        domains |= {idna.encode(domain.lower()).decode(), idna.decode(domain.lower())}
    either = "|".join(sorted(map(_quoted, domains)))
    return re.compile(rf"(?<![\w.+%-]){_quoted(local)}@(?:{either})(?![\w-]|\.\w)", re.IGNORECASE)


def _quoted(text: str) -> str:
    """A text as it may stand in a cell whose quotes are doubled."""
    return "".join(f"{char}{{1,2}}" if char in "'\"" else re.escape(char) for char in text)


def _number(country: str, national: str) -> re.Pattern[str]:
    code, digits = _BETWEEN.join(country), _BETWEEN.join(national)
    return re.compile(rf"(?<!\d)(?:(?:\+|00)?{code}{_BETWEEN}|0)?{digits}(?!\d)")


def without_person(
    path: Path, agreed: Dialect, person: Person, target: Path, *, blank: bool
) -> int:
    """Write a file without the records of a person to `target`; how many there were.

    Where there are none nothing is written. With `blank` empty lines stand in their place, so that
    all others keep their numbers. FileHeld where the file is not what was agreed.
    """
    if not _may_hold(path, person):
        return 0
    dialect = resolve(path, agreed)
    hits = [number for number, line in enumerate(_lines(path, dialect), 1) if person.is_in(line)]
    starts = _starts(path, dialect)
    # Of each record, its place among all: what is above the first one is header.
    records = {bisect_right(starts, hit) - 1 for hit in hits} - {-1}
    if records:
        _rewrite(path, dialect, target, starts, records, blank=blank)
    return len(records)


def _may_hold(path: Path, person: Person) -> bool:
    """Whether it is worth a closer look, read in every encoding that it may be in."""
    for encoding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be"):
        with path.open(encoding=encoding, errors="replace", newline="") as lines:
            if any(map(person.is_in, lines)):
                return True
    return False


def _lines(path: Path, dialect: FileDialect) -> Iterator[str]:
    """The lines with their ends; bytes that are no text survive being written again."""
    with path.open(encoding=dialect.encoding, errors="surrogateescape", newline="") as lines:
        yield from lines


def _starts(path: Path, dialect: FileDialect) -> "array[int]":
    """The lines on which records begin, good and bad ones, in order."""
    found = [pl.Series(dtype=pl.Int64)]
    for chunk in read_chunks(path, dialect):
        found += [chunk.frame[LINE], chunk.rejects["line"]]
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


def without_refusals(folder: Path | None, person: Person) -> int:
    """Take a person out of the parts with who is not subscribed, in place; how often they were."""
    removed = 0
    for path in part_paths(folder):
        people = pl.read_parquet(path)
        theirs = pl.Series(map(person.is_in, people["address"]), dtype=pl.Boolean)
        if theirs.any():
            people.filter(~theirs).write_parquet(path, compression="lz4")
            removed += int(theirs.sum())
    return removed
