"""The form of values without their content: kinds of JSON, and dates with digits replaced."""

import re
from collections.abc import Iterable, Iterator

from blocks.mailup.http.answers import lowered
from tasks.checks.asking import Reply

_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d.*)?|/Date\(.*\)/")
_SIGNS = re.compile(r"[^0TZ:./()+ Date-]")
_KIND_NAMES = {
    bool: "yes or no",
    int: "a number",
    float: "a number",
    dict: "an object",
}


def kind(value: object) -> str:
    """The kind of one value, such as "a number" or "digits as text"."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "digits as text" if value.strip().isdecimal() else "a text" if value else "empty"
    if isinstance(value, list):
        return f"an array of {kind(value[0])}" if value else "an empty array"
    return _KIND_NAMES.get(type(value), "something else")


def kinds(page: Reply, name: str) -> str:
    """The kinds of a field over all items; "missing" if some lack it."""
    items = [lowered(item) for item in page.items]
    found = {kind(item[name.lower()]) for item in items if name.lower() in item}
    if any(name.lower() not in item for item in items):
        found.add("missing")
    return " or ".join(sorted(found)) or "missing"


def date_shapes(page: Reply) -> Iterator[tuple[str, str]]:
    """The fields with dates, each with their format: 0000-00-00 00:00:00Z."""
    for name in sorted({name for item in page.items for name in item}):
        shapes = sorted(set(_shapes(page.values(name))))
        if shapes:
            yield name, " or ".join(shapes)


def _shapes(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and _DATE.fullmatch(value):
            yield _SIGNS.sub("?", re.sub(r"\d", "0", value))[:40]
