"""The objects of MailUp's answers, read field by field whatever their spelling.

Names are found in any letter case, with or without underscores; numbers may come as text, flags as
text or number, dates in any of .NET's forms. A field that has to be there and is not, or is
nothing that it could be, is an unusable answer: the error names the call and the field, never the
value.
"""

from functools import lru_cache
from typing import Any

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.answers import LARGEST, text, whole_number
from blocks.mailup.pages.moments import moment

_USUAL = len("2020-01-27 10:38:00.000")
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    return name.lower().replace("_", "")


@lru_cache(maxsize=256)
def _all_plain(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_plain, names))


class Fields:
    """The fields of one object that *call* was answered with."""

    def __init__(self, value: object, call: str) -> None:
        if not isinstance(value, dict):
            raise MailUpUnavailable(f"{call}: MailUp's answer is not an object.")
        # Nearly all items of a resource have the same names.
        self._values = dict(zip(_all_plain(tuple(value)), value.values(), strict=True))
        self._call = call

    def has(self, name: str) -> bool:
        """Whether the field is there, even if it holds nothing."""
        return _plain(name) in self._values

    def value(self, *names: str) -> Any:
        """What the first field holds that holds something, of several names for it."""
        for name in names:
            told = self._values.get(_plain(name))
            if told is not None and told != "":
                return told
        return None

    def id(self, *names: str) -> int:
        """An id: a whole number above 0, which has to be there."""
        found: Any = self._values.get(_plain(names[0])) or self.value(*names)
        if type(found) is int and 0 < found <= LARGEST:
            return found
        found = whole_number(found, self._field(names))
        if not found:
            raise self.unusable("has 0 where an id is expected", names)
        return int(found)

    def count(self, *names: str) -> int:
        """A whole number; 0 where there is none."""
        told = self.value(*names)
        return 0 if told is None else whole_number(told, self._field(names))

    def code(self, *names: str) -> int | None:
        """A whole number; None where there is none."""
        return None if self.value(*names) is None else self.count(*names)

    def text(self, name: str) -> str:
        """Text, or a number as such; "" where there is none."""
        told = self._values.get(_plain(name))
        if type(told) is str:
            return told
        if isinstance(told, dict | list):
            raise self.unusable("has no text", (name,))
        return text(told)

    def needed(self, name: str) -> str:
        """Text that has to be there."""
        found = self.text(name)
        if not found:
            raise self.unusable("has no such field", (name,))
        return found

    def date(self, name: str) -> str:
        """A date in one of the forms of `moments.moment`; "" where there is none, or "never"."""
        told = self._values.get(_plain(name))
        if not told:
            return ""
        if type(told) is str and len(told) == _USUAL and told[10] + told[19] == " .":
            return told if told[:4] != "0001" else ""
        return moment(told) or ""

    def flag(self, *names: str) -> bool | None:
        """Yes or no; None where it is not told."""
        told = self.value(*names)
        found = _FLAGS.get(str(told).strip().lower())
        if told is not None and found is None:
            raise self.unusable("has neither yes nor no", names)
        return found

    def ids(self, *names: str) -> tuple[int, ...] | None:
        """An array of whole numbers; None where there is none."""
        told = self.value(*names)
        if told is None:
            return None
        if not isinstance(told, list):
            raise self.unusable("has no array", names)
        return tuple(whole_number(each, self._field(names)) for each in told)

    def inner(self, *names: str, number: str = "") -> "Fields":
        """An object within; one without fields where there is none. A bare number is its field
        *number*, where that is named."""
        told = self.value(*names)
        if told is None or (number and not isinstance(told, dict)):
            told = {number: told} if number else {}
        return Fields(told, self._field(names))

    def unusable(self, fault: str, names: tuple[str, ...]) -> MailUpUnavailable:
        """The error for a field whose value is none of its kind."""
        return MailUpUnavailable(f"{self._field(names)}: MailUp's answer {fault}.")

    def _field(self, names: tuple[str, ...]) -> str:
        return f"{self._call}, field {names[0]}"
