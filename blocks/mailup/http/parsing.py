"""Parse JSON like `json.loads`, in a third of the time."""

import json
from typing import Any

import orjson

_DIGITS_AS_0 = bytes.maketrans(bytes(range(256)), b" " * 48 + b"0" * 10 + b" " * 198)
_TOO_LONG = b"0" * 19
"""Whole numbers with this many digits may exceed 64 bits; orjson would return floats."""


def parsed(body: bytes) -> Any:
    """The same result as `json.loads`, including its `ValueError`.

    What orjson rejects or reads differently is parsed by `json`: NaN, lone surrogates, bytes that
    are not UTF-8, long whole numbers. `ValueError` also if it is nested too deeply.
    """
    if _TOO_LONG not in body.translate(_DIGITS_AS_0):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
