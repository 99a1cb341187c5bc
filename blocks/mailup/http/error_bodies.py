"""Detect bodies that report an error, whatever the status.

MailUp writes `{"ErrorCode": "500", "ErrorDescription": ...}`, the log-in `{"error": ...}`. Such
an object may come with status 200, as JSON inside a JSON string, in a list, or among the items of
a page. An item with an error code of its own, such as an undelivered SMS, is distinguished by its
other fields.
"""

from collections.abc import Sequence
from typing import Any

from blocks.mailup.http.parsing import parsed

_ERROR_FIELDS = {"errorcode", "errordescription", "errorname", "error", "exceptiontype"}
_DETAIL_FIELDS = {
    "errorstack", "errorstacktrace", "errorid", "erroruri", "message", "exceptionmessage",
    "stacktrace", "status", "statuscode", "code", "success", "isvalid",
}  # fmt: skip
_NO_ERROR: tuple[Any, ...] = (None, "", "0", 0, False)


def is_error(value: Any, *, items_too: bool = True) -> bool:
    """Whether the JSON *value* of an answer is an error, or contains one in place of data.

    With *items_too* false the items of a list or page are not checked.
    """
    if isinstance(value, str):
        return _is_error_text(value)
    items = value
    if isinstance(value, dict):
        fields = _normalized(value)
        if _reports_error(fields):
            return True
        items = fields.get("items")
    return items_too and isinstance(items, Sequence) and _has_error(items)


def _is_error_text(text: str) -> bool:
    """Whether a JSON string contains the JSON of an error."""
    try:
        inner = parsed(text.encode("utf-8", "replace"))
    except ValueError:
        return False
    return not isinstance(inner, str) and is_error(inner)


def _has_error(items: Sequence[Any]) -> bool:
    # All items of a table have the same fields: the first one is enough.
    some = items if isinstance(items, list) else items[:1]
    return any(isinstance(item, dict) and _is_only_error(_normalized(item)) for item in some)


def _is_only_error(fields: dict[str, Any]) -> bool:
    return fields.keys() <= _ERROR_FIELDS | _DETAIL_FIELDS and _reports_error(fields)


def _reports_error(fields: dict[str, Any]) -> bool:
    return any(fields.get(name) not in _NO_ERROR for name in _ERROR_FIELDS)


def _normalized(item: dict[str, Any]) -> dict[str, Any]:
    return {key.lower().replace("_", ""): value for key, value in item.items()}
