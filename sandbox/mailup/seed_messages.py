"""Two e-mails and one SMS that the new account has sent, with what came of them."""

import sqlite3

from sandbox.mailup.seed_people import BOUNCED, SUBSCRIBED, UNSUBSCRIBED, Seeded

SPRING, SUMMER, SMS_NOTICE = 11, 12, 13
NEWSLETTER, SMS_LIST = 1, 3
SENT, SMS_SENT = "2024-02-20 09:00:00Z", "2024-03-05 10:30:00Z"
MESSAGES = (
    (SPRING, NEWSLETTER, "email", "Novità di primavera", "", "2024-02-19 15:20:00Z", 0),
    (SUMMER, NEWSLETTER, "email", "Saldi d'estate", "bozza", "2024-06-10 08:00:00Z", 0),
    (SMS_NOTICE, SMS_LIST, "sms", "Il tuo ordine è pronto", "", "2024-03-05 10:00:00Z", 1),
)
LINK = "https://www.example.it/primavera"
Event = tuple[int, int, str, int, str | None, str, int | None, str | None]


def plant_messages(connection: sqlite3.Connection, people: list[Seeded]) -> None:
    """Write messages, sending history and events."""
    sent_to = [p for p in people if p.state in (SUBSCRIBED, UNSUBSCRIBED, BOUNCED)]
    history = (SPRING, SENT, "2024-02-20 09:04:10Z", len(sent_to))
    events = [event for person in sent_to for event in _events(person)]
    events += [_sms(person) for person in people if person.number]
    connection.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)", MESSAGES)
    connection.execute(
        "INSERT INTO history (message_id, started, ended, recipients) VALUES (?, ?, ?, ?)", history
    )
    connection.executemany(
        "INSERT INTO event (message_id, recipient_id, kind, count, url, date, status, error) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        events,
    )


def _events(person: Seeded) -> list[Event]:
    """Sent to all; every second subscriber opened, every fourth clicked."""

    def event(kind: str, count: int, url: str | None = None) -> Event:
        return (SPRING, person.id, kind, count, url, SENT, None, None)

    found = [event("Recipients", 1)]
    if person.state == BOUNCED:
        return [*found, event("Bounces", 1)]
    if person.state == UNSUBSCRIBED:
        return [*found, event("Views", 1), event("Unsubscriptions", 1)]
    if person.id % 2 == 0:
        found.append(event("Views", 1 + person.id % 3))
    if person.id % 4 == 0:
        found.append(event("Clicks", 1 + person.id % 2, LINK))
    return found


def _sms(person: Seeded) -> Event:
    """Delivered, but one in ten failed and one in twenty is still queued."""
    status, error = (2, "FAILED_AT_004") if person.id % 10 == 0 else (0, "")
    status = 1 if person.id % 20 == 1 else status
    return (SMS_NOTICE, person.id, "Sms", 1, None, SMS_SENT, status, error)
