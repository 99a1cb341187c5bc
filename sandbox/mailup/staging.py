"""Check and merge the recipients of one body, for writing to the tables.

Chosen: values over 200 characters are truncated (nvarchar(200)); of duplicates in one body the
later one wins, field by field; an invalid number is omitted and the e-mail recipient kept;
addresses with non-ASCII letters are invalid.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from sandbox.mailup.rules import Flags

MAX_VALUE = 200
MAX_EMAIL = 254
FIELD_IDS = {number: str(number) for number in range(1, 40)}
EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]"
)
NUMBER = re.compile(r"[0-9]{5,14}")
PREFIX = re.compile(r"(?:\+|00)?([1-9][0-9]{0,3})")
SEPARATORS = str.maketrans("", "", " .-/()")

Item = dict[str, Any]


@dataclass
class Counters:
    """The counters of `Rows`, with MailUp's names; `Refused`: rows with a conflicting key."""

    Total: int = 0
    InvalidEmail: int = 0
    InvalidNumber: int = 0
    WithoutEmail: int = 0
    WithoutNumber: int = 0
    WithoutPrefix: int = 0
    RepeatedEmail: int = 0
    RepeatedNumber: int = 0
    Refused: int = 0
    New: int = 0
    Update: int = 0

    def invalid(self, channel: str) -> int:
        """Rows that were refused."""
        if channel == "email":
            return self.InvalidEmail + self.WithoutEmail + self.Refused
        return self.InvalidNumber + self.WithoutNumber + self.WithoutPrefix + self.Refused

    def valid(self, channel: str) -> int:
        """Rows that were accepted, including repeated ones."""
        repeated = self.RepeatedEmail if channel == "email" else self.RepeatedNumber
        return self.New + self.Update + repeated


@dataclass(slots=True)
class Person:
    """One recipient to write; `number_key` is prefix and number as digits."""

    email: str | None
    prefix: str | None = None
    number: str | None = None
    number_key: str | None = None
    name: str | None = None
    fields: dict[str, str] = field(default_factory=dict)

    def as_row(self) -> tuple[str | None, ...]:
        """The columns of the stage table."""
        return (
            self.email,
            self.prefix,
            self.number,
            self.number_key,
            self.name,
            orjson.dumps(self.fields).decode(),
        )


@dataclass
class Staging:
    """Processes items one by one; `people` has one entry per key afterwards."""

    flags: Flags
    default_prefix: str
    refused: frozenset[str] = frozenset()
    counters: Counters = field(default_factory=Counters)
    people: dict[str, Person] = field(default_factory=dict)
    _numbers: dict[str, str] = field(default_factory=dict)

    def rows(self, items: list[Any]) -> Iterator[tuple[str | None, ...]]:
        """Rows of the stage table for all `items`."""
        take = self._take_email if self.flags.channel == "email" else self._take_sms
        for item in items:
            take(item if isinstance(item, dict) else {})
        self.counters.Total += len(items)
        return (person.as_row() for person in self.people.values())

    def _take_email(self, item: Item) -> None:
        counters = self.counters
        email = _text(item.get("Email"))
        if not email:
            counters.WithoutEmail += 1
            return
        refused = email.lower() in self.refused
        if refused or len(email) > MAX_EMAIL or EMAIL.fullmatch(email) is None:
            counters.InvalidEmail += 1
            return
        key = email.lower()
        person = Person(email, name=_text(item.get("Name")) or None)
        person.fields = _fields(item.get("Fields"))
        if not self.flags.ignore_mobile and item.get("MobileNumber"):
            self._add_number(person, item, key)
        if key in self.people:
            counters.RepeatedEmail += 1
        self._merge(key, person)

    def _add_number(self, person: Person, item: Item, key: str) -> None:
        """Add the number to an e-mail recipient, if it is valid and unique in the body."""
        found = number_of(item, self.default_prefix, self.refused)
        if isinstance(found, str):
            self.counters.InvalidNumber += found == "InvalidNumber"
            self.counters.WithoutPrefix += found == "WithoutPrefix"
        elif self._numbers.setdefault(found[2], key) != key:
            self.counters.RepeatedNumber += 1
        else:
            person.prefix, person.number, person.number_key = found

    def _take_sms(self, item: Item) -> None:
        counters = self.counters
        found = number_of(item, self.default_prefix, self.refused)
        if isinstance(found, str):
            setattr(counters, found, getattr(counters, found) + 1)
            return
        key = found[2]
        person = Person(None, *found, name=_text(item.get("Name")) or None)
        person.fields = _fields(item.get("Fields"))
        email = _text(item.get("Email"))
        if email and EMAIL.fullmatch(email) and self._numbers.setdefault(email.lower(), key) == key:
            person.email = email
        if key in self.people:
            counters.RepeatedNumber += 1
        self._merge(key, person)

    def _merge(self, key: str, person: Person) -> None:
        before = self.people.get(key)
        if before is not None:
            person.fields = before.fields | person.fields
            person.name = person.name or before.name
            if person.number_key is None:
                person.prefix, person.number = before.prefix, before.number
                person.number_key = before.number_key
            person.email = person.email or before.email
        self.people[key] = person


def number_of(
    item: Item, default_prefix: str, refused: frozenset[str] = frozenset()
) -> tuple[str, str, str] | str:
    """Prefix, number and key, or the name of the counter of the fault."""
    number = _text(item.get("MobileNumber")).translate(SEPARATORS)
    if not number:
        return "WithoutNumber"
    prefix = _text(item.get("MobilePrefix")) or default_prefix
    if not prefix:
        return "WithoutPrefix"
    match = PREFIX.fullmatch(prefix)
    if match is None or NUMBER.fullmatch(number) is None or number in refused:
        return "InvalidNumber"
    return prefix, number, match.group(1) + number


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def _fields(given: Any) -> dict[str, str]:
    """Non-empty values by field id; ids outside 1..39 and malformed items are ignored."""
    found: dict[str, str] = {}
    for one in given or ():
        try:
            name, value = FIELD_IDS[one["Id"]], one["Value"]
        except (KeyError, TypeError):
            continue
        if value:
            found[name] = str(value)[:MAX_VALUE]
    return found
