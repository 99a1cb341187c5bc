"""Generate one day of traffic: messages and events of their recipients; the same for one seed.

Sendings begin on the full hour; on the day of a clock change one more begins an hour before it.
Some events are exactly at the end of a window, and on the day of a clock change many are in the
two hours around it. A hard bounce unsubscribes from all lists; a complaint and the administrator
unsubscribe from one list, without a message.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from random import Random

from sandbox.mailup import crowd, eventlog
from sandbox.mailup.clock import from_seconds, local_form, utc_form
from sandbox.mailup.crowd import Plan
from sandbox.mailup.eventlog import Event
from sandbox.mailup.hours import HOUR, LocalDay, Sharpener
from sandbox.mailup.reactions import Leaving, Reactions, Sending
from sandbox.mailup.rules import BOUNCED, Channel
from sandbox.mailup.store import Store

SEND_HOURS = (9, 17, 13, 20, 7, 11, 15, 22)
SMS_HOUR = 11
SEND_SECONDS = 600
JOINED_BEFORE = 30 * 24 * HOUR
OPEN_DELAY, NIGHT_DELAY = 4 * HOUR, HOUR // 2
SUBJECTS = ("Novità della settimana", 'Solo oggi: "-20%"; affrettati', "L'ultima offerta, città")
TAGS = (("promo", "settimanale"), ("flash",), ())
SMS_SUBJECT = "Il tuo ordine è in consegna"
JOINING, RETURNING = 0.003, 0.1


@dataclass
class Played:
    """The generated message ids, and the number of events by kind."""

    messages: list[int] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)


def play_day(store: Store, day: date, seed: int, plan: Plan, zone: str) -> Played:
    """Generate one day in one transaction; events after the emulator's clock are not shown yet.

    ValueError for a list that does not exist.
    """
    known = {row["id"] for row in store.rows("SELECT id FROM list")}
    if missing := {*plan.lists, plan.sms_list or min(known)} - known:
        raise ValueError(f"there is no list {min(missing)}")
    with store.writing() as connection:
        player = _Player(connection, LocalDay(day, zone), seed, plan)
        player.play()
        eventlog.write(connection, player.events)
        connection.executemany(
            "INSERT INTO change (registered, list_id, channel, recipient_id, status, at, "
            "message_id, type, subtype) VALUES (?, ?, 'email', ?, ?, ?, ?, ?, ?)",
            player.changes,
        )
    return Played(player.messages, Counter(event.kind for event in player.events))


class _Player:
    def __init__(
        self, connection: sqlite3.Connection, day: LocalDay, seed: int, plan: Plan
    ) -> None:
        self._connection = connection
        self._day = day
        self._plan = plan
        self._chance = Random(f"{seed} {day.day}")
        self._reactions = Reactions(self._chance, Sharpener(day, self._chance), plan.late)
        self._members: dict[int, list[int]] = {}
        self._subscribed: set[tuple[int, int]] = set()
        self.messages: list[int] = []
        self.events: list[Event] = []
        self.changes: list[tuple[object, ...]] = []

    def play(self) -> None:
        plan, day = self._plan, self._day
        joined = local_form(from_seconds(day.at(0) - JOINED_BEFORE), day.zone)
        crowd.gather(self._connection, plan, joined)
        for list_id in plan.lists:
            people = crowd.subscribed(self._connection, list_id, "email")
            self._members[list_id] = people
            self._subscribed |= {(list_id, who) for who in people}
        for list_id in plan.lists:
            self._send_mails(list_id)
            self._subscribe(list_id)
        if plan.sms_list is not None and plan.messages:
            message = self._message(plan.sms_list, day.at(SMS_HOUR), SMS_SUBJECT, "sms")
            people = crowd.subscribed(self._connection, plan.sms_list, "sms")
            sending = self._sending(message, plan.sms_list, day.at(SMS_HOUR), people, 0)
            self._receive(sending, people, self._reactions.to_sms)

    def _send_mails(self, list_id: int) -> None:
        people, day = self._members[list_id], self._day
        old = self._connection.execute(
            "SELECT m.id FROM message m JOIN history h ON h.message_id = m.id WHERE m.list_id = ? "
            "AND m.channel = 'email' AND h.started < ? GROUP BY m.id ORDER BY m.id DESC LIMIT ?",
            (list_id, utc_form(from_seconds(day.at(0))), self._plan.resends),
        ).fetchall()
        planned = [(day.at(SEND_HOURS[-1]), row["id"], OPEN_DELAY) for row in old]
        starts = [day.at(SEND_HOURS[n % len(SEND_HOURS)]) for n in range(self._plan.messages)]
        planned += [(start, None, OPEN_DELAY) for start in starts]
        change = day.change_of_offset()
        if change is not None and self._plan.messages:
            planned.append((change - HOUR, None, NIGHT_DELAY))
        for number, (start, known, delay) in enumerate(planned):
            message = known or self._message(list_id, start, SUBJECTS[number % len(SUBJECTS)])
            sending = self._sending(message, list_id, start, people, delay)
            self.events += (
                Event(sent, sent, "SNT", list_id, message, sending.id, who)
                for who, sent in _sent(sending, people)
            )
            self._receive(sending, people, self._reactions.to_mail)

    def _message(self, list_id: int, start: int, subject: str, channel: Channel = "email") -> int:
        created = utc_form(from_seconds(start - HOUR))
        message = (
            self._connection.execute(
                "INSERT INTO message (list_id, channel, subject, notes, created, service_type) "
                "VALUES (?, ?, ?, '', ?, 0)",
                (list_id, channel, f"{subject} {self._day.day:%d/%m}", created),
            ).lastrowid
            or 0
        )
        if channel == "email":
            tags = [(message, tag) for tag in TAGS[len(self.messages) % len(TAGS)]]
            self._connection.executemany("INSERT INTO message_tag VALUES (?, ?)", tags)
        self.messages.append(message)
        return message

    def _sending(
        self, message: int, list_id: int, start: int, people: list[int], delay: int
    ) -> Sending:
        dates = (utc_form(from_seconds(start)), utc_form(from_seconds(start + SEND_SECONDS)))
        number = self._connection.execute(
            "INSERT INTO history (message_id, started, ended, recipients) VALUES (?, ?, ?, ?)",
            (message, *dates, len(people)),
        ).lastrowid
        return Sending(number or 0, message, list_id, start, delay)

    def _receive(
        self,
        sending: Sending,
        people: list[int],
        react: Callable[[Sending, int, int], Iterable[Event | Leaving]],
    ) -> None:
        for who, sent in _sent(sending, people):
            for what in react(sending, who, sent):
                if isinstance(what, Leaving):
                    self._leave(what)
                else:
                    self.events.append(what)

    def _leave(self, leaving: Leaving) -> None:
        """Unsubscribe, once per list; the status changes when MailUp registers it."""
        everywhere = leaving.cause.type == BOUNCED
        for list_id in self._members if everywhere else (leaving.list_id,):
            who, cause = leaving.who, leaving.cause
            if (list_id, who) not in self._subscribed:
                continue
            self._subscribed.remove((list_id, who))
            moments = (leaving.at, leaving.registered)
            self.events.append(eventlog.unsubscribed(*moments, list_id, who, cause))
            self.changes.append(
                (leaving.registered, list_id, who, "unsubscribed", leaving.at, cause.message,
                 cause.type, cause.subtype)
            )  # fmt: skip

    def _subscribe(self, list_id: int) -> None:
        """Subscribe new people, and some who unsubscribed by the link on an earlier day."""
        begin, end = self._day.at(0), self._day.at(0, days=1)
        number = round(len(self._members[list_id]) * JOINING)
        comers = [
            crowd.newcomer(self._connection, f"new.{self._day.day:%Y%m%d}.{list_id}.{n}@example.it")
            for n in range(number)
        ]
        back = crowd.may_return(self._connection, list_id, begin)
        comers += [who for who in back if self._chance.random() < RETURNING]
        for who in comers:
            at = self._chance.randrange(begin, end)
            self.events.append(Event(at, at, "SUB", list_id, None, None, who))
            self.changes.append((at, list_id, who, "subscribed", at, None, None, None))


def _sent(sending: Sending, people: list[int]) -> Iterable[tuple[int, int]]:
    """Each recipient and the time of sending; the first one exactly at the start."""
    pace = min(1.0, SEND_SECONDS / max(1, len(people)))
    return ((who, sending.start + int(place * pace)) for place, who in enumerate(people))
