"""Values of MailUp's `filterby` and `orderby` parameters.

The values have the documented form (in double quotes); the HTTP layer encodes them. The escaping
of an apostrophe in a literal is not documented, so it is rejected: look up such a value by id, or
compare on our side.
"""

import re

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNSAFE = re.compile(r"['\"\\\x00-\x1f]")


def can_filter(value: str) -> bool:
    """Whether *value* is allowed in a filter literal."""
    return not _UNSAFE.search(value)


def equals(field: str, value: str | int) -> str:
    """Condition `field == value`; according to MailUp much faster than `Contains`."""
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
            "A filter value must not contain quotes, backslashes or control characters: compare "
            "on our side, or look up the record by its id."
        )
    return f"'{value}'"
