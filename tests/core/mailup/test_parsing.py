"""Reading JSON quickly changes nothing of what is read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from blocks.mailup.http.parsing import parsed

_VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=12,
)


def _canonical(value: Any) -> str:
    """A value with its types, and with NaN equal to itself."""
    return repr(value)


@given(_VALUES, some.booleans(), some.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_any_value_is_read_as_python_reads_it(value: Any, ascii: bool, encoding: str) -> None:
    """Values and their types are those of Python's parser, however they are spelled."""
    body = json.dumps(value, ensure_ascii=ascii).encode(encoding, "surrogatepass")
    assert _canonical(parsed(body)) == _canonical(json.loads(body))


@pytest.mark.parametrize(
    "body",
    [
        b"9223372036854775807", b"-9223372036854775809", b"18446744073709551616", b"1" * 400,
        b"[1e400, -0, -0.0, 1E2, 0.1e-7, 123456789.123456789012345678]",
        b'{"a": 1, "b": 2, "a": 3}', b'"\\ud83d"', b'"\\ud83d\\ude00 \\u0000 \\/"',
        b'"\xed\xa0\x80"', b"[NaN, Infinity, -Infinity]", b" \n\t1 ", b"[" * 900 + b"]" * 900,
        '"caff\u00e8 \u2028 \x7f"'.encode(),
    ],
)  # fmt: skip
def test_odd_spellings_are_read_as_python_reads_them(body: bytes) -> None:
    """Numbers beyond 64 bits, keys that come twice, halves of characters: nothing differs."""
    assert _canonical(parsed(body)) == _canonical(json.loads(body))


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"<html>", b"{", b"[1,]", b"01", b"1 2", b'"\n"', b'"\xff"', b"'a'", b"9" * 5000,
     b'{"a": 1'],
)  # fmt: skip
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    """Broken answers are refused as Python's parser refuses them."""
    for parser in (json.loads, parsed):
        with pytest.raises(ValueError):
            parser(body)
