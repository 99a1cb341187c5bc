"""Bodies are the JSON that MailUp documents, byte for byte."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.records.batching.payloads import array, recipient_objects

KEYS = {"email": "Email", "prefix": "MobilePrefix", "number": "MobileNumber"}
SCHEMA = {
    "channel": pl.String,
    "email": pl.String,
    "prefix": pl.String,
    "number": pl.String,
    "field_2": pl.String,
    "field_12": pl.String,
}


def frame(rows: list[tuple[str | None, ...]], channel: str = "email") -> pl.DataFrame:
    return pl.DataFrame([(channel, *row) for row in rows], schema=SCHEMA, orient="row")


def body(records: pl.DataFrame) -> bytes:
    return array(recipient_objects(records))


def as_json(records: pl.DataFrame) -> bytes:
    recipients = []
    for row in records.iter_rows(named=True):
        recipient: dict[str, Any] = {"Name": ""} if row["channel"] == "sms" else {}
        recipient |= {key: row[name] for name, key in KEYS.items() if row[name] is not None}
        recipient["Fields"] = [
            {"Id": int(name.removeprefix("field_")), "Value": row[name]}
            for name in records.columns
            if name.startswith("field_") and row[name] is not None
        ]
        recipients.append(recipient)
    return json.dumps(recipients, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_body_as_documented() -> None:
    """One recipient on each channel, as MailUp's documents show it."""
    row = ("a@b.it", "0039", "3331234567", "Anna", None)
    by_email = b'"Email":"a@b.it","MobilePrefix":"0039","MobileNumber":"3331234567"'
    rest = by_email + b',"Fields":[{"Id":2,"Value":"Anna"}]}]'
    assert body(frame([row])) == b"[{" + rest
    assert body(frame([row], "sms")) == b'[{"Name":"",' + rest


def test_an_empty_batch_is_an_empty_array() -> None:
    """No records, no recipients, still JSON."""
    assert body(frame([])) == b"[]"


def test_records_without_fields() -> None:
    """A mapping without dynamic fields sends an empty array of them."""
    records = frame([("a@b.it", None, None, None, None)]).drop("field_2", "field_12")
    assert body(records) == b'[{"Email":"a@b.it","Fields":[]}]'


def test_records_without_any_value_are_still_counted() -> None:
    """As many objects as records, even if nothing is in them."""
    assert body(frame([(None,) * 5] * 2)) == b'[{"Fields":[]},{"Fields":[]}]'


@pytest.mark.parametrize(
    "value", ['"', "\\", "\\n", "\n\r\t\b\f", "\x00\x1f\x7f", "\u2028\u2029", "😀", "</script>", ""]
)
def test_every_character_survives(value: str) -> None:
    """Quotes, control characters and emoji arrive as they were."""
    got = json.loads(body(frame([("a@b.it", None, None, value, "x")])))
    assert got[0]["Fields"][0] == {"Id": 2, "Value": value}


texts = st.none() | st.text(max_size=8) | st.sampled_from(['"', "\\", "\n", "\u2028", "😀\x00"])


@settings(derandomize=True, database=None)
@given(st.lists(st.tuples(*[texts] * 5), max_size=6), st.sampled_from(["email", "sms"]))
def test_bodies_are_what_json_would_write(rows: list[tuple[str | None, ...]], channel: str) -> None:
    """The bytes are those of json.dumps on the same records, whatever is in them."""
    records = frame(rows, channel)
    assert body(records) == as_json(records)
