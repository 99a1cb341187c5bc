"""Values of MailUp's `filterby` and `orderby` parameters.

The values are plain text in the documented form (wrapped in double quotes); the HTTP layer
encodes them. How an apostrophe is escaped inside a literal is not documented, so it is refused:
such a value has to be looked up by id, or compared on our side.
"""

import re

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNSAFE = re.compile(r"['\"\\\x00-\x1f]")


def can_filter(value: str) -> bool:
    """Whether *value* can stand in a filter literal."""
    return not _UNSAFE.search(value)


def equals(field: str, value: str | int) -> str:
    """Condition `field == value`; MailUp calls it much faster than its `Contains`."""
    return f"{_name(field)}=={_literal(value)}"


def filterby(condition: str) -> dict[str, str]:
    """The query parameter for one condition."""
    return {"filterby": f'"{condition}"'}


def orderby(field: str, *, descending: bool = False) -> dict[str, str]:
    """The query parameter that sorts by one field."""
    return {"orderby": f'"{_name(field)} {"desc" if descending else "asc"}"'}


def _name(field: str) -> str:
    if not _FIELD.fullmatch(field):
        raise ValueError("A filter needs the name of a field: letters, digits, underscore.")
    return field


def _literal(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    if not can_filter(value):
        raise ValueError(
            "A filter value may not hold quotes, backslashes or control characters: "
            "compare on our side, or look the record up by its id."
        )
    return f"'{value}'"
