"""Rows as an extraction hands them over, with everything in them that a file has to survive."""

from datetime import UTC, datetime
from typing import Any

import polars as pl

from tasks.reports.rows import EVENT, SMS_OUTCOME, SUBSCRIPTION, UNSUBSCRIPTION

WITH_FIELDS = UNSUBSCRIPTION | {"field_1": pl.String(), "field_12": pl.String()}


def moment(text: str) -> datetime:
    """A UTC moment from `2026-10-25T00:30:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


SUMMER = moment("2026-10-25T00:30:00")
"""02:30 in Rome, before the clocks go back."""
WINTER = moment("2026-10-25T01:30:00")
"""02:30 in Rome again, an hour later."""
SENT = moment("2026-10-24T09:12:44")
SUBJECT = 'Novità; "sconto" 50 %, solo oggi'
SHOP = "https://shop.example.com/?a=1;b=2"


def frame(schema: dict[str, pl.DataType], *rows: dict[str, object]) -> pl.DataFrame:
    """Rows of a schema; what is not given is not known."""
    return pl.DataFrame([{**dict.fromkeys(schema), **row} for row in rows], schema=schema)


def event(
    email: str, kind: str, at: datetime, details: str = "", **others: object
) -> dict[str, Any]:
    """One event of message 161."""
    return {
        "list_id": 1, "message_id": 161, "sending_id": 9, "email": email, "subject": SUBJECT,
        "kind": kind, "details": details, "at": at, "sent_at": SENT, **others,
    }  # fmt: skip


EVERY_EVENT = frame(
    EVENT,
    event("anna@example.com", "CLK", WINTER, SHOP, ip="192.0.2.7", agent="A/5.0 (X; Y)"),
    event("anna@example.com", "OPN", SUMMER, ip="192.0.2.7", tags="spring,sale"),
    event("anna@example.com", "OPN", WINTER),
    event("anna@example.com", "CLK", WINTER, "https://shop.example.com/", geo="IT, Lombardia"),
    event("anna@example.com", "SNT", SENT),
    event("bruno@example.com", "NCO", moment("2026-10-24T09:13:00"), "5.1.1"),
    event("bruno@example.com", "SNT", SENT),
    event("carla@example.com", "SNT", SENT, list_id=2, message_id=12, sending_id=None, subject=""),
)
"""The view of every event for three recipients."""

LATEST_ACTION = frame(
    EVENT,
    event("carla@example.com", "SNT", SENT, list_id=2, message_id=12, sending_id=None, subject=""),
    event("anna@example.com", "CLK", WINTER, SHOP),
    event("anna@example.com", "CLK", WINTER, "https://shop.example.com/"),
    event("bruno@example.com", "NCO", moment("2026-10-24T09:13:00"), "5.1.1"),
)
"""The view of the latest action: who clicked has not opened."""

UNSUBSCRIBED_EVENTS = frame(
    EVENT,
    event("dino@example.com", "UNS", SUMMER, "2"),
    {"list_id": 1, "email": "elsa@example.com", "kind": "UNS", "details": "01", "at": WINTER},
)
"""Rows that only the cumulative file has: by a link, and by an administrator."""

UNSUBSCRIPTIONS = frame(
    WITH_FIELDS,
    {"list_id": 3, "email": "elsa@example.com", "phone": "+39 333 1234567", "at": WINTER,
     "type": "0", "subtype": "1", "field_1": "Elsa", "field_12": "=1+1"},
    {"list_id": 3, "email": "dino@example.com", "at": SUMMER, "subscribed_at": SENT,
     "message_id": 161, "type": "2", "field_1": 'Dino "il Re"', "field_12": "-12,5"},
    {"list_id": 1, "email": "ivo@example.com", "phone": "", "at": SUMMER, "type": "01",
     "field_1": "a;b|c,d'e", "field_12": "line\r\nbreak\nand\x00nul\x85"},
    {"list_id": 1, "email": "zoe@example.com", "at": None, "type": "81",
     "field_1": "Zoe\u0300 €", "field_12": "\t@sum"},
)  # fmt: skip
"""Unsubscriptions with two dynamic fields."""

SUBSCRIPTIONS = frame(
    SUBSCRIPTION | {"field_1": pl.String()},
    {"list_id": 1, "email": "", "phone": "393331234567", "at": WINTER, "field_1": "Ugo"},
    {"list_id": 1, "email": "anna@example.com", "at": SUMMER, "field_1": "Anna"},
)

SMS_OUTCOMES = frame(
    SMS_OUTCOME,
    {"list_id": 1, "message_id": 7, "number": "393331234567", "sent_at": SENT,
     "status": "DELIVERED", "at": WINTER},
    {"list_id": 1, "message_id": 7, "number": "393331234567", "sent_at": SENT,
     "status": "QUEUED", "at": SUMMER},
    {"list_id": 1, "message_id": 7, "number": "393337654321", "sent_at": SENT,
     "status": "FAILED_AT_004", "at": SUMMER},
)  # fmt: skip

KNOWN_RECEIVERS = SMS_OUTCOMES.with_columns(
    email=pl.when(pl.col("number") == "393331234567").then(pl.lit("anna@example.com")),
    field_1=pl.when(pl.col("number") == "393331234567").then(pl.lit("Anna; Maria")),
)
"""The same with address and name of a receiver, and one whom nobody knows."""
