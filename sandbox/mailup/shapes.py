"""Variants of the format of answers: keys, numbers, empty values, dates, codes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.mailup.clock import NEVER
from sandbox.mailup.settings import Settings

MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:Z|\.\d{3})")
STATUSES = {
    "words": {"OPTIN": "Subscribed", "OPTOUT": "Unsubscribed", "PENDING": "Pending"},
    "codes": {"OPTIN": "2", "OPTOUT": "3", "PENDING": "4"},
}
SMS_STATUSES = ("Delivered", "Queued", "Error")
UNKNOWN_TYPE = 2561
PREFIXES = {"plus": "+", "zeros": "00", "digits": ""}
# Variants that change the format of any answer, unless they have their default.
SHAPING = (
    "optin_statuses", "optout_types", "addresses", "prefixes", "message_tags", "sending_end",
    "bounce_types", "sms_statuses", "numbers", "booleans", "empties", "key_case", "dates",
)  # fmt: skip
LEFT_OUT = object()


def shape_of(settings: Settings) -> Callable[[Any], Any] | None:
    """A function that changes the JSON of every answer; None if it is written as documented."""
    if all(getattr(settings, name) == Settings.__dataclass_fields__[name].default
           for name in SHAPING):  # fmt: skip
        return None
    return _Shape(settings)


class _Shape:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, value: Any) -> Any:
        shaped = self._value("", value)
        return None if shaped is LEFT_OUT else shaped

    def _value(self, key: str, value: Any) -> Any:
        value = self._coded(key, value)
        if isinstance(value, dict):
            named = ((self._key(name), self._value(name, each)) for name, each in value.items())
            return {name: each for name, each in named if each is not LEFT_OUT}
        if isinstance(value, list | tuple):
            return [None if one is LEFT_OUT else one for one in (self._value("", v) for v in value)]
        if isinstance(value, bool):
            return {"plain": value, "text": str(value), "numbers": int(value)}[
                self._settings.booleans
            ]
        if isinstance(value, int | float):
            return self._number(value)
        if isinstance(value, str) and value and key != "Value" and MOMENT.fullmatch(value):
            return self._moment(value)
        return self._empty(value) if value in (None, "") else value

    def _key(self, name: str) -> str:
        case = self._settings.key_case
        if case == "documented":
            return name
        return name.lower() if case == "lower" else name[:1].upper() + name[1:]

    def _number(self, value: float) -> Any:
        numbers = self._settings.numbers
        if numbers == "text":
            return str(value)
        if value or numbers == "plain":
            return value
        return None if numbers == "null_for_zero" else LEFT_OUT

    def _empty(self, value: Any) -> Any:
        empties = self._settings.empties
        if empties == "as_documented" or value is LEFT_OUT:
            return value
        return {"null": None, "missing": LEFT_OUT, "text": ""}[empties]

    def _moment(self, value: str) -> str:
        dates = self._settings.dates
        if dates == "documented":
            return value
        when = datetime.fromisoformat(value)
        never = when.year == 1
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC if never else ZoneInfo(self._settings.zone))
        plain = when.astimezone(UTC).replace(tzinfo=None)
        if dates == "ticks":
            return f"/Date({int((plain - datetime(1970, 1, 1)).total_seconds()) * 1000})/"  # noqa: DTZ001 - UTC without saying so
        if dates == "universal":
            return plain.isoformat(" ", "seconds") + "Z"
        if dates == "iso":
            return plain.isoformat("T", "seconds") + "Z"
        return plain.isoformat(" ", "seconds")

    def _coded(self, key: str, value: Any) -> Any:
        """Values with variants, by the documented name of their key."""
        settings = self._settings
        if key == "Status" and isinstance(value, str):
            return STATUSES.get(settings.optin_statuses, {}).get(value, value)
        if key == "Status" and settings.sms_statuses == "words" and value in (0, 1, 2):
            return SMS_STATUSES[value]
        if key == "Optout_Type" and value is not None and settings.optout_types != "known":
            return UNKNOWN_TYPE if settings.optout_types == "unknown" else None
        if key == "Email" and isinstance(value, str) and settings.addresses == "lower_case":
            return value.lower()
        if key == "MobilePrefix" and isinstance(value, str) and settings.prefixes in PREFIXES:
            return PREFIXES[settings.prefixes] + value.removeprefix("+").removeprefix("00")
        if key == "EndDate" and value == NEVER and settings.sending_end != "year_1":
            return None if settings.sending_end == "null" else LEFT_OUT
        if key == "Type" and isinstance(value, str) and settings.bounce_types != "codes":
            hard = "Hard" if value.startswith("5") else "Soft"
            return hard if settings.bounce_types == "words" else LEFT_OUT
        if key == "Tags" and settings.message_tags != "objects":
            names = [each["Name"] for each in value]
            return names if settings.message_tags == "names" else LEFT_OUT
        return value
