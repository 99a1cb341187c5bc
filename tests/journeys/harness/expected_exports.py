"""What the exports have to deliver, derived from MailUp's event log alone.

Each function goes through the moments at which exports run, and yields for each of them the rows
that are new: tuples of cells, each with the number of its occurrences. Only dates that MailUp
gives are in them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

ROME = ZoneInfo("Europe/Rome")
SMS_STATES = {0: "DELIVERED", 1: "QUEUED"}

Rows = Counter[tuple[str, ...]]


class Logged(NamedTuple):
    """One row of the event log."""

    id: int
    kind: str
    at: datetime
    registered: datetime
    list_id: int
    message_id: int | None
    sending_id: int | None
    sent_at: datetime | None
    subject: str | None
    recipient_id: int
    email: str
    number: str | None
    detail: str
    status: int | None


def read(log: pl.DataFrame) -> list[Logged]:
    """The events in the order in which MailUp learned of them."""
    return [Logged(*row) for row in log.sort("registered", "id").iter_rows()]


def text(moment: datetime | None) -> str:
    """A moment in the form of the files, in Rome's time."""
    return f"{moment.astimezone(ROME):%Y%m%dT%H%M%S}" if moment else ""


def _between(
    log: Sequence[Logged], moments: Sequence[datetime], lists: Sequence[int]
) -> Iterator[list[Logged]]:
    """For each moment the events that were registered since the one before."""
    at = 0
    for moment in moments:
        begin = at
        while at < len(log) and log[at].registered <= moment:
            at += 1
        yield [event for event in log[begin:at] if event.list_id in lists]


class _Sendings:
    """The last sending of each message, up to each moment."""

    def __init__(self) -> None:
        self._last: dict[int | None, datetime] = {}

    def see(self, events: Sequence[Logged]) -> None:
        for event in events:
            if event.kind == "SNT" and event.sent_at:
                before = self._last.get(event.message_id, event.sent_at)
                self._last[event.message_id] = max(before, event.sent_at)

    def row(self, event: Logged, kind: str, detail: str) -> tuple[str, ...]:
        """A row of the statistics."""
        about = (str(event.list_id), str(event.message_id), event.email, event.subject or "")
        return (*about, kind, detail, text(self._last.get(event.message_id)))


def every_event(
    log: Sequence[Logged], moments: Sequence[datetime], lists: Sequence[int]
) -> Iterator[Rows]:
    """Each open, click and bounce, and once for each recipient that a message was sent."""
    sendings, sent = _Sendings(), set()
    for events in _between(log, moments, lists):
        sendings.see(events)
        rows: Rows = Counter()
        for event in events:
            once = event.kind == "SNT" and (event.message_id, event.recipient_id)
            if event.kind in ("OPN", "CLK", "NCO") or (once and once not in sent):
                rows[sendings.row(event, event.kind, event.detail)] += 1
            sent.add(once)
        yield rows


def latest_action(
    log: Sequence[Logged], moments: Sequence[datetime], lists: Sequence[int]
) -> Iterator[Rows]:
    """The latest action per person and message: each clicked link, else the strongest action."""
    sendings = _Sendings()
    done: dict[tuple[Any, int], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    exported = set()
    for events in _between(log, moments, lists):
        sendings.see(events)
        touched = {}
        for event in events:
            if event.kind in ("SNT", "OPN", "CLK", "NCO"):
                who = (event.message_id, event.recipient_id)
                done[who][event.kind].add(event.detail)
                touched[who] = event
        rows: Rows = Counter()
        for who, event in touched.items():
            for action in _strongest(done[who]):
                if (who, action) not in exported:
                    exported.add((who, action))
                    rows[sendings.row(event, *action)] += 1
        yield rows


def _strongest(actions: dict[str, set[str]]) -> list[tuple[str, str]]:
    if "CLK" in actions:
        return [("CLK", link) for link in actions["CLK"]]
    kind = next(kind for kind in ("OPN", "NCO", "SNT") if kind in actions)
    return [(kind, max(actions[kind]))]


def unsubscribed(
    log: Sequence[Logged], moments: Sequence[datetime], lists: Sequence[int]
) -> Iterator[Rows]:
    """Who has left at a moment and was not exported as such.

    Somebody who came back between two moments is not exported.
    """
    gone: dict[tuple[int, int], Logged] = {}
    exported = set()
    for events in _between(log, moments, lists):
        for event in events:
            if event.kind == "UNS":
                gone[event.list_id, event.recipient_id] = event
            elif event.kind == "SUB":
                gone.pop((event.list_id, event.recipient_id), None)
        rows: Rows = Counter()
        for event in gone.values():
            if event.id not in exported:
                exported.add(event.id)
                message = str(event.message_id or "")
                about = (event.email, str(event.list_id), text(event.at), message)
                rows[(*about, str(event.status))] += 1
        yield rows


def cumulative(unsubscriptions: Rows, statistics: Rows) -> Rows:
    """Rows of both files as they are in the one that replaces them."""
    exported: Rows = Counter(
        {
            (list_id, message, email, "UNS", cause, moment): times
            for (email, list_id, moment, message, cause), times in unsubscriptions.items()
        }
    )
    for (list_id, message, email, _, kind, detail, _), times in statistics.items():
        exported[list_id, message, email, kind, detail, ""] += times
    return exported


def subscribed(
    log: Sequence[Logged],
    moments: Sequence[datetime],
    lists: Sequence[int],
    there: dict[tuple[int, str], str],
) -> Iterator[Rows]:
    """Who is subscribed at a moment and was not exported; `there` is since when, at first."""
    here, exported = dict(there), set()
    for number, events in enumerate(_between(log, moments, lists)):
        for event in events if number else ():
            if event.kind == "SUB":
                here[event.list_id, event.email] = text(event.at)
            elif event.kind == "UNS":
                here.pop((event.list_id, event.email), None)
        now = {(email, str(list_id), since) for (list_id, email), since in here.items()}
        yield Counter(now - exported)
        exported |= now


def sms_outcomes(
    log: Sequence[Logged], moments: Sequence[datetime], lists: Sequence[int]
) -> Iterator[Rows]:
    """The state of each SMS at a moment, where it was not exported before."""
    exported = set()
    for events in _between(log, moments, lists):
        last = {
            (event.message_id, event.recipient_id, event.sending_id): event
            for event in events
            if event.kind == "SMS"
        }
        rows: Rows = Counter()
        for event in last.values():
            state = SMS_STATES.get(event.status or 0, event.detail)
            where = (event.number or "", str(event.list_id), str(event.message_id))
            row = (*where, text(event.sent_at), state, event.email)
            if row not in exported:
                exported.add(row)
                rows[row] += 1
        yield rows
