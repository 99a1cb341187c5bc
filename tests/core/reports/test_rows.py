"""What makes two exported rows the same event."""

from datetime import UTC, datetime
from hashlib import blake2b

import polars as pl
import pytest

from tasks.reports.delta.new_rows import event_keys
from tasks.reports.rows import (
    EVENTS,
    MOMENT,
    SMS_EVENTS,
    SUBSCRIPTIONS,
    UNSUBSCRIPTIONS,
    RowKind,
    fitted,
)

AT = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
CLICK = {
    "list_id": 7, "message_id": 12, "recipient_id": 5, "email": "a@example.com", "kind": "CLK",
    "details": "https://example.com/", "count": 1, "at": AT, "sent_at": AT, "subject": "Hello",
}  # fmt: skip
LEAVING = {
    "list_id": 7, "recipient_id": 5, "email": "a@example.com", "phone": "39333", "at": AT,
    "message_id": 12, "type": "2", "subtype": "1",
}  # fmt: skip
JOINING = {"list_id": 7, "recipient_id": 5, "email": "a@example.com", "at": AT}
SMS = {
    "list_id": 7, "message_id": 12, "number": "39333", "sent_at": AT, "status": "DELIVERED",
    "at": AT,
}  # fmt: skip
KNOWN_ROWS = [(EVENTS, CLICK), (UNSUBSCRIPTIONS, LEAVING), (SUBSCRIPTIONS, JOINING),
              (SMS_EVENTS, SMS)]  # fmt: skip
IDENTITIES = {
    "event": {"list_id", "message_id", "recipient_id", "kind", "details"},
    "unsubscription": {"list_id", "recipient_id", "at", "type", "subtype", "message_id"},
    "subscription": {"list_id", "recipient_id", "at"},
    "sms outcome": {"list_id", "message_id", "number", "sent_at", "status"},
}
OTHER = {pl.Int64(): 99, pl.String(): "other", MOMENT: datetime(2026, 10, 25, 0, 31, tzinfo=UTC)}


def rows(kind: RowKind, *data: dict[str, object]) -> pl.DataFrame:
    names = {name: dtype for name, dtype in kind.schema.items() if any(name in d for d in data)}
    return fitted(pl.DataFrame(list(data), schema=names), kind)


def key(kind: RowKind, row: dict[str, object]) -> str:
    return str(event_keys(rows(kind, row), kind)[0].hex())


@pytest.mark.parametrize(("kind", "row"), KNOWN_ROWS)
def test_a_key_changes_with_the_columns_of_the_identity_only(
    kind: RowKind, row: dict[str, object]
) -> None:
    """What distinguishes two events is exactly what was agreed for each kind of rows."""
    changing = {
        name
        for name, dtype in kind.schema.items()
        if key(kind, row | {name: OTHER[dtype]}) != key(kind, row)
    }
    assert changing == IDENTITIES[kind.name]


def test_keys_stay_what_they_are() -> None:
    """A key written by an older version is found again: its bytes never change."""
    texts = [
        "event:14:recipient_id=5:7:12:3:CLK:20:https://example.com/",
        "unsubscription:14:recipient_id=5:7:1792888200000000:1:2:1:1:12",
        "subscription:14:recipient_id=5:7:1792888200000000",
        "sms outcome:12:number=39333:7:12:1792888200000000:9:DELIVERED",
    ]
    assert [key(kind, row) for kind, row in KNOWN_ROWS] == [
        blake2b(text.encode(), digest_size=16).hexdigest() for text in texts
    ]
    assert key(EVENTS, CLICK) == "6b6bca8e858d0b2e7b966acfa3d2f748"


def test_without_an_id_the_address_tells_whose_row_it_is() -> None:
    """Without recipient id the e-mail address counts, letter case aside, and meets no id."""
    nobody = CLICK | {"recipient_id": None}
    assert key(EVENTS, nobody) == key(EVENTS, nobody | {"email": "A@Example.com"})
    assert key(EVENTS, nobody) != key(EVENTS, nobody | {"email": "b@example.com"})
    assert key(EVENTS, nobody | {"email": "5"}) != key(EVENTS, CLICK)


def test_texts_put_together_are_not_cut_elsewhere() -> None:
    """No value can be chosen so that two different events meet."""
    one = LEAVING | {"type": "2:1:1", "subtype": ""}
    other = LEAVING | {"type": "2", "subtype": "1:1"}
    assert key(UNSUBSCRIPTIONS, one) != key(UNSUBSCRIPTIONS, other)
    assert key(UNSUBSCRIPTIONS, LEAVING | {"type": "-"}) != key(
        UNSUBSCRIPTIONS, LEAVING | {"type": None}
    )


def test_a_value_does_not_slip_into_another_column() -> None:
    """A type without subtype is not a subtype without type."""
    one = LEAVING | {"type": "2", "subtype": None}
    assert key(UNSUBSCRIPTIONS, one) != key(
        UNSUBSCRIPTIONS, LEAVING | {"type": None, "subtype": "2"}
    )


def test_empty_and_unknown_are_the_same() -> None:
    """Whether MailUp leaves a text out or sends an empty one makes no new event."""
    assert key(EVENTS, CLICK | {"details": ""}) == key(EVENTS, CLICK | {"details": None})


def test_kinds_never_meet() -> None:
    """Rows of different kinds share a snapshot without sharing keys."""
    assert key(UNSUBSCRIPTIONS, JOINING) != key(SUBSCRIPTIONS, JOINING)


def test_fitted_rows_have_the_columns_of_their_kind() -> None:
    """What is missing is null, numbers get their type, dynamic fields are left out."""
    given = pl.DataFrame({"field_3": ["x"], "recipient_id": [5]}, schema_overrides={
        "recipient_id": pl.Int32})  # fmt: skip
    made = fitted(given, UNSUBSCRIPTIONS)
    assert made.schema == pl.Schema(UNSUBSCRIPTIONS.schema | {"field_3": pl.String()})
    assert made.row(0)[1] == 5


def test_an_unknown_column_is_refused() -> None:
    """A misspelt column is not lost silently."""
    with pytest.raises(ValueError, match="kind event have no column mail"):
        fitted(pl.DataFrame({"mail": ["x"]}), EVENTS)
