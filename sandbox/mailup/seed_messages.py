"""Messages of the initial account, two e-mails and one SMS, with their events."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from sandbox.mailup.clock import seconds
from sandbox.mailup.eventlog import Event, Kind, unsubscribed, write
from sandbox.mailup.seed_people import BOUNCED, CAUSES, SUBSCRIBED, UNSUBSCRIBED, Seeded
from sandbox.mailup.statuses import Cause

SPRING, SUMMER, SMS_NOTICE = 11, 12, 13
NEWSLETTER, SMS_LIST = 1, 3
SENT, SMS_SENT = "2024-02-20 09:00:00Z", "2024-03-05 10:30:00Z"
MESSAGES = (
    (SPRING, NEWSLETTER, "email", "Novità di primavera", "", "2024-02-19 15:20:00Z", 0),
    (SUMMER, NEWSLETTER, "email", "Saldi d'estate", "bozza", "2024-06-10 08:00:00Z", 0),
    (SMS_NOTICE, SMS_LIST, "sms", "Il tuo ordine è pronto", "", "2024-03-05 10:00:00Z", 1),
)
LINK = "https://www.example.it/primavera"
SENDING, SMS_SENDING = 1, 2
ALL_LISTS = (NEWSLETTER, 2, SMS_LIST)
LEFT = "2024-02-20 17:05:12Z"
MINUTE = 60


def plant_messages(connection: sqlite3.Connection, people: list[Seeded]) -> None:
    """Write messages, sending history and events; existing messages are kept."""
    sent_to = [p for p in people if p.state in (SUBSCRIBED, UNSUBSCRIBED, BOUNCED)]
    numbers = [person for person in people if person.number]
    history = (
        (SENDING, SPRING, SENT, "2024-02-20 09:04:10Z", len(sent_to)),
        (SMS_SENDING, SMS_NOTICE, SMS_SENT, "2024-03-05 10:31:00Z", len(numbers)),
    )
    add = "INSERT OR IGNORE INTO"
    connection.executemany(f"{add} message VALUES (?, ?, ?, ?, ?, ?, ?)", MESSAGES)
    connection.executemany(f"{add} history VALUES (?, ?, ?, ?, ?)", history)
    write(connection, (event for person in sent_to for event in _events(person)))
    write(connection, (event for person in numbers for event in _sms(person)))
    gone = [person for person in people if person.state in CAUSES]
    write(connection, (event for person in gone for event in _left(person)))


def _events(person: Seeded) -> Iterator[Event]:
    """Sent to all; every second subscriber opened, every fourth clicked."""

    def event(kind: Kind, minute: int, detail: str = "") -> Event:
        at = seconds(datetime.fromisoformat(SENT)) + minute * MINUTE
        return Event(at, at, kind, NEWSLETTER, SPRING, SENDING, person.id, detail)

    yield event("SNT", 0)
    if person.state == BOUNCED:
        yield event("NCO", 1, "5.1.1")
    elif person.state == UNSUBSCRIBED:
        yield event("OPN", 5)
    elif person.id % 2 == 0:
        yield from (event("OPN", 10 * number) for number in range(1, 2 + person.id % 3))
        clicks = 1 + person.id % 2 if person.id % 4 == 0 else 0
        yield from (event("CLK", 11 * number, LINK) for number in range(1, 1 + clicks))


def _left(person: Seeded) -> Iterator[Event]:
    """Unsubscriptions: by link or complaint from one list, by bounce from all."""
    at = seconds(datetime.fromisoformat(LEFT))
    message = SPRING if person.state == UNSUBSCRIBED else None
    cause = Cause(CAUSES[person.state], message=message)
    lists = ALL_LISTS if person.state == BOUNCED else (NEWSLETTER,)
    return (unsubscribed(at, at, list_id, person.id, cause) for list_id in lists)


def _sms(person: Seeded) -> Iterator[Event]:
    """Delivered; one in ten failed, and one in twenty is still queued."""
    sent = seconds(datetime.fromisoformat(SMS_SENT))

    def state(minute: int, status: int, error: str = "") -> Event:
        at = sent + minute * MINUTE
        return Event(at, at, "SMS", SMS_LIST, SMS_NOTICE, SMS_SENDING, person.id, error, status)

    yield state(0, 1)
    if person.id % 10 == 0:
        yield state(1, 2, "FAILED_AT_004")
    elif person.id % 20 != 1:
        yield state(1, 0)
