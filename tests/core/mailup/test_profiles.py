"""Recipients with their personal data."""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from tests.core.mailup_by_hand import ByHand, by_hand, paged


@pytest.fixture
def mailup() -> Iterator[ByHand]:
    with by_hand() as server:
        yield server


def person(number: int, **fields: Any) -> dict[str, Any]:
    """One recipient; *fields* as f1="Anna"."""
    return {
        "Email": f"p{number}@example.it",
        "Fields": [
            {"Description": "any", "Id": int(key[1:]), "Value": value}
            for key, value in fields.items()
        ],
        "MobileNumber": None,
        "MobilePrefix": None,
        "Name": "",
        "idRecipient": number,
    }


def test_personal_data_comes_by_field_id(mailup: ByHand) -> None:
    """Only the wanted fields are columns, in the wanted order; an empty value is none."""
    rows = [person(1, f1="Anna", f2="Rossi", f12="C1"), person(2, f1="", f12="007"), person(3)]
    rows[0] |= {"MobilePrefix": "0039", "MobileNumber": "0347120"}
    mailup.resources["/console/Console/List/1/Recipients/Subscribed"] = paged(rows)
    with mailup.client(page_size=2) as client:
        found = pl.concat(list(client.subscribed_with_fields(1, "email", (12, 1))))
    assert found.columns == ["recipient_id", "email", "prefix", "number", "field_12", "field_1"]
    assert found.rows() == [
        (1, "p1@example.it", "0039", "0347120", "C1", "Anna"),
        (2, "p2@example.it", None, None, "007", None),
        (3, "p3@example.it", None, None, None, None),
    ]


@pytest.mark.parametrize(
    "fields", [None, 3, [], [{"id": "1", "value": "Anna"}], [3, {"Value": "x"}]]
)
def test_fields_in_another_shape_stop_nobody(mailup: ByHand, fields: object) -> None:
    """Missing fields are none, spellings may differ, and what is no field is left out."""
    row = person(1) | {"Fields": fields}
    mailup.resources["/console/Console/List/1/Recipients/Subscribed"] = paged([row])
    with mailup.client() as client:
        found = next(client.subscribed_with_fields(1, "email", [1]))
    expected = "Anna" if fields == [{"id": "1", "value": "Anna"}] else None
    assert found.rows() == [(1, "p1@example.it", None, None, expected)]


def test_each_channel_and_state_has_its_resource(mailup: ByHand) -> None:
    """E-mail and SMS, subscribed and unsubscribed are four different lists."""
    for number, path in enumerate(
        (
            "List/1/Recipients/Subscribed",
            "List/1/Recipients/Unsubscribed",
            "Sms/List/1/Recipients/Subscribed",
            "Sms/List/1/Recipients/Unsubscribed",
        )
    ):
        mailup.resources[f"/console/Console/{path}"] = paged([person(number)])
    with mailup.client() as client:
        found = [
            next(walk(1, channel))["recipient_id"][0]
            for channel in ("email", "sms")
            for walk in (client.subscribed_with_fields, client.unsubscribed_with_fields)
        ]
    assert found == [0, 1, 2, 3]
