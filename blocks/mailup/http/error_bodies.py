"""Bodies that report an error, whatever the status says: the one test of whether an answer is one.

MailUp writes `{"ErrorCode": "500", "ErrorDescription": ...}`, the log-in `{"error": ...}`. Such
an object may come with status 200, as JSON inside of a JSON text, in a list, or among the items
of a page. It is told from an item that has an error code of its own, such as an SMS that was
not delivered, by the fields beside it.
"""

from collections.abc import Sequence
from typing import Any

from blocks.mailup.http.parsing import parsed

_TELLING = {"errorcode", "errordescription", "errorname", "error", "exceptiontype"}
_BESIDE = {
    "errorstack", "errorstacktrace", "errorid", "erroruri", "message", "exceptionmessage",
    "stacktrace", "status", "statuscode", "code", "success", "isvalid",
}  # fmt: skip
_NOTHING: tuple[Any, ...] = (None, "", "0", 0, False)


def is_error(value: Any, *, items_too: bool = True) -> bool:
    """Whether the JSON *value* of an answer is an error, or has one where its data should be.

    *items_too* false: the items of a list or page are known to be none.
    """
    if isinstance(value, str):
        return _is_error_text(value)
    items = value
    if isinstance(value, dict):
        plain = _plain(value)
        if _tells(plain):
            return True
        items = plain.get("items")
    return items_too and isinstance(items, Sequence) and _has_error(items)


def _is_error_text(text: str) -> bool:
    """Whether a JSON text holds the JSON of an error."""
    try:
        inner = parsed(text.encode("utf-8", "replace"))
    except ValueError:
        return False
    return not isinstance(inner, str) and is_error(inner)


def _has_error(items: Sequence[Any]) -> bool:
    # The items of a table are all alike: the first one tells what they are.
    some = items if isinstance(items, list) else items[:1]
    return any(isinstance(item, dict) and _is_bare_error(_plain(item)) for item in some)


def _is_bare_error(plain: dict[str, Any]) -> bool:
    """Whether an item is an error and nothing else."""
    return plain.keys() <= _TELLING | _BESIDE and _tells(plain)


def _tells(plain: dict[str, Any]) -> bool:
    return any(plain.get(name) not in _NOTHING for name in _TELLING)


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    return {key.lower().replace("_", ""): value for key, value in item.items()}
