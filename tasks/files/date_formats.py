"""Date formats: accepted directives, and patterns of matching texts."""

import re

_SHAPES = {
    "d": "[0-9]{1,2}",
    "m": "[0-9]{1,2}",
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "H": "[0-9]{1,2}",
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
}


DIRECTIVES = ", ".join(f"%{letter}" for letter in _SHAPES)
"""Accepted directives, besides other characters; none depends on a language."""

_DIRECTIVE = re.compile(r"%(.?)")


def mistake(date_format: str, *, reading: bool) -> str:
    """What is wrong with a date format, as the second half of a sentence, or empty."""
    letters = _DIRECTIVE.findall(date_format)
    unknown = [f"%{letter}" for letter in letters if letter not in _SHAPES]
    if unknown:
        return f"has the unknown directive {unknown[0]}; accepted are {DIRECTIVES}"
    if not letters:
        return f"has no part of a date; accepted are {DIRECTIVES}"
    if len(letters) != len(set(letters)) or {"y", "Y"} <= set(letters):
        return "has one part of the date twice"
    if reading and not ({"d", "m"} <= set(letters) and {"y", "Y"} & set(letters)):
        return "needs a day, a month and a year: %d, %m and %Y (or %y)"
    if reading and "M" in letters and "H" not in letters:
        return "has minutes but no hours; add %H"
    if reading and "S" in letters and "M" not in letters:
        return "has seconds but no minutes; add %M"
    return ""


def time_parts(date_format: str) -> set[str]:
    """The directives of the time of day in a format: H, M, S."""
    return set(_DIRECTIVE.findall(date_format)) & set("HMS")


def pattern(date_format: str) -> str:
    """Regex of what a format reads; parts that touch each other have all their digits."""
    parts = _DIRECTIVE.split(date_format)
    last = len(parts) - 1

    def shape(place: int) -> str:
        touches = any(not parts[near] for near in (place - 1, place + 1) if 0 < near < last)
        return _SHAPES[parts[place]].replace("{1,2}", "{2}" if touches else "{1,2}")

    return "".join(shape(i) if i % 2 else re.escape(part) for i, part in enumerate(parts))
