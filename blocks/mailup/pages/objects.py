"""Read the fields of objects in MailUp's answers.

Names match in any letter case, with or without underscores; numbers may be text, flags text or
numbers, dates in any of .NET's formats. `MailUpUnavailable` for a missing or invalid required
field: the error names the call and the field, never the value.
"""

from functools import lru_cache
from typing import Any

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.answers import LARGEST, text, whole_number
from blocks.mailup.pages.moments import LOCAL_LENGTH, moment

_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    return name.lower().replace("_", "")


@lru_cache(maxsize=256)
def _all_plain(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_plain, names))


class Fields:
    """The fields of one object in the answer to *call*."""

    def __init__(self, value: object, call: str) -> None:
        if not isinstance(value, dict):
            raise MailUpUnavailable(f"{call}: MailUp's answer is not an object.")
        # Cached: nearly all items of a resource have the same names.
        self._values = dict(zip(_all_plain(tuple(value)), value.values(), strict=True))
        self._call = call

    def has(self, name: str) -> bool:
        """Whether the field exists, even if it is empty."""
        return _plain(name) in self._values

    def value(self, *names: str) -> Any:
        """The first value that is not empty, of several possible names."""
        for name in names:
            found = self._values.get(_plain(name))
            if found is not None and found != "":
                return found
        return None

    def id(self, *names: str) -> int:
        """A required id: a whole number above 0."""
        found: Any = self._values.get(_plain(names[0])) or self.value(*names)
        if type(found) is int and 0 < found <= LARGEST:
            return found
        found = whole_number(found, self._field(names))
        if not found:
            raise self.unusable("has 0 where an id is expected", names)
        return int(found)

    def count(self, *names: str) -> int:
        """A whole number; 0 if there is none."""
        found = self.value(*names)
        return 0 if found is None else whole_number(found, self._field(names))

    def code(self, *names: str) -> int | None:
        """A whole number; None if there is none."""
        return None if self.value(*names) is None else self.count(*names)

    def text(self, name: str) -> str:
        """Text, or a number as text; "" if there is none."""
        found = self._values.get(_plain(name))
        if type(found) is str:
            return found
        if isinstance(found, dict | list):
            raise self.unusable("has no text", (name,))
        return text(found)

    def required_text(self, name: str) -> str:
        """Required text."""
        found = self.text(name)
        if not found:
            raise self.unusable("has no such field", (name,))
        return found

    def date(self, name: str) -> str:
        """A date in one of the forms of `moments.moment`; "" for none or "never"."""
        found = self._values.get(_plain(name))
        if not found:
            return ""
        if type(found) is str and len(found) == LOCAL_LENGTH and found[10] + found[19] == " .":
            return found if found[:4] != "0001" else ""
        return moment(found) or ""

    def flag(self, *names: str) -> bool | None:
        """True or false; None if there is none."""
        value = self.value(*names)
        found = _FLAGS.get(str(value).strip().lower())
        if value is not None and found is None:
            raise self.unusable("is neither true nor false", names)
        return found

    def ids(self, *names: str) -> tuple[int, ...] | None:
        """An array of whole numbers; None if there is none."""
        found = self.value(*names)
        if found is None:
            return None
        if not isinstance(found, list):
            raise self.unusable("has no array", names)
        return tuple(whole_number(each, self._field(names)) for each in found)

    def inner(self, *names: str, number: str = "") -> "Fields":
        """A nested object; an empty one if there is none. A bare number becomes its field
        *number*, if that is given."""
        found = self.value(*names)
        if found is None or (number and not isinstance(found, dict)):
            found = {number: found} if number else {}
        return Fields(found, self._field(names))

    def unusable(self, fault: str, names: tuple[str, ...]) -> MailUpUnavailable:
        """The error for a missing or invalid value."""
        return MailUpUnavailable(f"{self._field(names)}: MailUp's answer {fault}.")

    def _field(self, names: tuple[str, ...]) -> str:
        return f"{self._call}, field {names[0]}"
