"""Recipients of generated traffic: `reader.NNNNNNN@example.it`, in all lists of the plan."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, fields
from random import Random
from typing import Any, Self

from sandbox.mailup.rules import LINK, Channel
from sandbox.mailup.seed_people import CITIES, NAMES, SURNAMES

# Every third one has a number.
NUMBERED = 3
READERS = "email >= 'reader.' AND email < 'reader/'"
JOIN = (
    "INSERT OR IGNORE INTO subscription (list_id, channel, recipient_id, status, optin_date) "  # noqa: S608 - constants
    f"SELECT ?, ?, id, 'subscribed', ? FROM recipient WHERE {READERS}"
)


@dataclass(frozen=True)
class Plan:
    """Amount of traffic per day.

    `recipients` are subscribed to all e-mail `lists` and, with a number, to `sms_list` (None: no
    SMS); `messages` are sent to each list; `late` is the share of events registered hours or days
    later; `resends` is the number of older messages sent again to each list.
    """

    lists: tuple[int, ...] = (1, 2)
    sms_list: int | None = 3
    recipients: int = 1000
    messages: int = 1
    late: float = 0.05
    resends: int = 0

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """Read JSON; ValueError for unknown names and invalid values."""
        known = {one.name for one in fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {sorted(known)}")
        plan = cls(**values | {"lists": tuple(values.get("lists", cls.lists))})
        if not plan.lists or plan.recipients < 0 or plan.messages < 0 or not 0 <= plan.late <= 1:
            raise ValueError("lists, recipients, messages or late is out of range")
        return plan


def gather(connection: sqlite3.Connection, plan: Plan, joined: str) -> None:
    """Add missing recipients, subscribed to all lists since `joined`; existing ones are kept."""
    count = f"SELECT count(*) FROM recipient WHERE {READERS}"  # noqa: S608 - a constant
    present = connection.execute(count).fetchone()[0]
    last = connection.execute("SELECT coalesce(max(id), 0) FROM recipient").fetchone()[0]
    if present < plan.recipients:
        connection.executemany(
            "INSERT INTO recipient (id, email, prefix, number, number_key, fields) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            _people(range(present + 1, plan.recipients + 1), last - present),
        )
    for list_id in plan.lists:
        connection.execute(JOIN, (list_id, "email", joined))
    if plan.sms_list is not None:
        connection.execute(f"{JOIN} AND number IS NOT NULL", (plan.sms_list, "sms", joined))


def _people(numbers: range, shift: int) -> Iterator[tuple[object, ...]]:
    for number in numbers:
        chance = Random(number)
        city = chance.choice(CITIES)[0]
        about = {"1": chance.choice(NAMES), "2": chance.choice(SURNAMES), "4": city}
        mobile = f"351{number:07d}" if number % NUMBERED == 0 else None
        parts = ("0039", mobile, f"39{mobile}") if mobile else (None, None, None)
        values = json.dumps(about, ensure_ascii=False)
        yield (number + shift, f"reader.{number:07d}@example.it", *parts, values)


def newcomer(connection: sqlite3.Connection, email: str) -> int:
    """The id of the recipient with this address, added if necessary."""
    connection.execute("INSERT OR IGNORE INTO recipient (email) VALUES (?)", (email,))
    found = connection.execute("SELECT id FROM recipient WHERE email = ?", (email,))
    return int(found.fetchone()[0])


def statuses(connection: sqlite3.Connection, list_id: int, channel: Channel) -> dict[int, str]:
    """The status of all recipients of a list, including pending changes."""
    where = "WHERE list_id = ? AND channel = ?"
    now = connection.execute(
        f"SELECT recipient_id, status FROM subscription {where}",  # noqa: S608 - a constant
        (list_id, channel),
    )
    later = connection.execute(
        f"SELECT recipient_id, status FROM change {where} AND applied = 0 ORDER BY registered, id",  # noqa: S608 - a constant
        (list_id, channel),
    )
    return {row[0]: row[1] for row in (*now, *later)}


def subscribed(connection: sqlite3.Connection, list_id: int, channel: Channel) -> list[int]:
    """The recipients of a message."""
    found = statuses(connection, list_id, channel)
    return sorted(who for who, status in found.items() if status == "subscribed")


def may_return(connection: sqlite3.Connection, list_id: int, before: int) -> list[int]:
    """Recipients who unsubscribed by the link before a time, and are still unsubscribed."""
    left = connection.execute(
        "SELECT DISTINCT recipient_id FROM change WHERE list_id = ? AND channel = 'email' "
        "AND type = ? AND registered < ?",
        (list_id, LINK, before),
    )
    found = statuses(connection, list_id, "email")
    return sorted(row[0] for row in left if found.get(row[0]) == "unsubscribed")
