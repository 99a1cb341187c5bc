"""Events of the recipients of a sending, and when MailUp registers them."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from sandbox.mailup.eventlog import Event, Kind
from sandbox.mailup.hours import HOUR, Sharpener
from sandbox.mailup.rules import BOUNCED, BY_HAND, COMPLAINED, LINK
from sandbox.mailup.statuses import Cause

LINKS = (
    "https://www.example.it/saldi?utm_source=mailup&id=1",
    "https://www.example.it/città/nuovo;arrivo",
    "https://www.example.it/carrello",
    "https://shop.example.it/p/4711?a=1,2|3",
    "Read in web browser",
)
HARD, SOFT = {"5.1.1": 0, "5.1.2": 2, "5.7.1": 0}, ("4.2.2", "4.4.1", "4.7.0")
BOUNCES, HARD_SHARE, OPENS, CLICKS, AGAIN = 0.015, 0.3, 0.35, 0.4, 0.35
AGAIN_DELAY, LATEST = 10 * HOUR, 72 * HOUR
LIST_BUTTON, LIST_MAIL = 32, 64
# Causes of unsubscriptions: share, type, subtypes, whether MailUp knows the message.
LEAVING = (
    (0.004, LINK, (0, 1, 2), True),
    (0.0006, LIST_BUTTON, (0, 1), True),
    (0.0002, LIST_MAIL, (0, 1), True),
    (0.0004, COMPLAINED, (0, 1), False),
    (0.0004, BY_HAND, (0, 1), False),
)
LEAVING_SHARE = sum(row[0] for row in LEAVING)
DELIVERED, QUEUED, FAILED = 0, 1, 2
SMS_ERRORS = ("FAILED_AT_004", "UNKNOWN_0", "NACK_011", "UNDELIV_002", "REJECTD_008", "EXPIRED_1")
SMS_DELIVERED, SMS_FAILED, SMS_AFTER_ALL = 0.92, 0.97, 0.98


@dataclass(frozen=True)
class Sending:
    """One sending of a message to a list; `delay` is the mean time to the first opening."""

    id: int
    message_id: int
    list_id: int
    start: int
    delay: int


@dataclass(frozen=True)
class Leaving:
    """An unsubscription from a list (after a hard bounce: from all); times as in `Event`."""

    who: int
    list_id: int
    at: int
    registered: int
    cause: Cause


class Reactions:
    """Draws events at random; some are moved to ends of windows, some are registered late."""

    def __init__(self, chance: Random, sharpener: Sharpener, late: float) -> None:
        self._chance = chance
        self._sharpener = sharpener
        self._late = late

    def _event(
        self, sending: Sending, kind: Kind, who: int, at: int, detail: str = "",
        status: int | None = None,
    ) -> Event:  # fmt: skip
        at = self._sharpener.sharpened(at)
        place = (sending.list_id, sending.message_id, sending.id, who)
        return Event(self._registered(at), at, kind, *place, detail, status)

    def _registered(self, at: int) -> int:
        if self._chance.random() < self._late:
            return at + self._chance.randrange(HOUR, LATEST)
        return at

    def _wait(self, mean: int) -> int:
        return 1 + int(self._chance.expovariate(1 / mean))

    def to_mail(self, sending: Sending, who: int, sent: int) -> Iterator[Event | Leaving]:
        """Events of one recipient of an e-mail."""
        roll = self._chance.random()
        if roll < BOUNCES:
            yield from self._bounce(sending, who, sent, hard=roll < BOUNCES * HARD_SHARE)
            return
        if self._chance.random() < OPENS:
            yield from self._open(sending, who, sent)
        if self._chance.random() < LEAVING_SHARE:
            yield self._leave(sending, who, sent + self._wait(sending.delay))

    def _bounce(
        self, sending: Sending, who: int, sent: int, *, hard: bool
    ) -> Iterator[Event | Leaving]:
        code = self._chance.choice(list(HARD) if hard else SOFT)
        event = self._event(sending, "NCO", who, sent + self._wait(60), code)
        yield event
        if hard:
            cause = Cause(BOUNCED, HARD[code])
            yield Leaving(who, sending.list_id, event.at, event.registered, cause)

    def _open(self, sending: Sending, who: int, sent: int) -> Iterator[Event]:
        at = sent + self._wait(sending.delay)
        yield self._event(sending, "OPN", who, at)
        if self._chance.random() < CLICKS:
            for link in self._chance.sample(LINKS, self._chance.choice((1, 1, 1, 2, 3))):
                yield self._event(sending, "CLK", who, at + self._wait(90), link)
                while self._chance.random() < AGAIN / 2:
                    yield self._event(sending, "CLK", who, at + self._wait(AGAIN_DELAY), link)
        while self._chance.random() < AGAIN:
            at += self._wait(AGAIN_DELAY)
            yield self._event(sending, "OPN", who, at)

    def _leave(self, sending: Sending, who: int, at: int) -> Leaving:
        shares = [row[0] for row in LEAVING]
        _, kind, subtypes, known = self._chance.choices(LEAVING, shares)[0]
        message = sending.message_id if known else None
        at = self._sharpener.sharpened(at)
        cause = Cause(kind, self._chance.choice(subtypes), message)
        return Leaving(who, sending.list_id, at, self._registered(at), cause)

    def to_sms(self, sending: Sending, who: int, sent: int) -> Iterator[Event]:
        """The states of one SMS: queued, then delivered or failed, or delivered after a failure."""

        def state(at: int, status: int, error: str = "") -> Event:
            return self._event(sending, "SMS", who, at, error, status)

        yield Event(
            sent, sent, "SMS", sending.list_id, sending.message_id, sending.id, who, "", QUEUED
        )
        roll = self._chance.random()
        receipt = sent + self._wait(40 if roll < SMS_DELIVERED * 0.97 else 6 * HOUR)
        if roll < SMS_DELIVERED:
            yield state(receipt, DELIVERED)
        elif roll < SMS_FAILED:
            yield state(receipt, FAILED, self._chance.choice(SMS_ERRORS))
        elif roll < SMS_AFTER_ALL:
            failed = state(receipt, FAILED, self._chance.choice(SMS_ERRORS))
            yield failed
            at = failed.registered + self._wait(HOUR)
            yield Event(at, at, *failed[2:7], "", DELIVERED)
