"""The exports of a client, run at irregular times over a month, killed, and run again.

MONTH is the whole month; without MAILUP_TRUTH=month a few of its days are played, with the same
clock changes and the same ways to die, and without what two of the other streams show together.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sandbox.mailup.crowd import Plan
from sandbox.mailup.seed import plant
from sandbox.mailup.server import DATABASE
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import set_clock
from sandbox.traffic import play
from tests.journeys.harness import expected_exports
from tests.journeys.harness.expected_exports import Logged, Rows
from tests.journeys.harness.sandboxes import Protocol

MAIL, SMS, ALL = (1, 2), (3,), (1, 2, 3)
BEFORE = datetime(2026, 3, 1, tzinfo=UTC)
AFTER = datetime(2026, 11, 20, tzinfo=UTC)
SPRING, AUTUMN = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Size:
    """The size of the traffic.

    `days` are first days and numbers of days; a new message is sent on every `sending_days`th of
    them, on the others an old one is sent again. Exports run at `moments`, and each stream is
    killed at that many chosen instants and at any moment.
    """

    recipients: int
    days: tuple[tuple[date, int], ...]
    sending_days: int
    moments: tuple[datetime, ...]
    chosen_deaths: int
    random_deaths: int
    longest_life: float
    longest_seconds: int


def _irregular(number: int) -> tuple[datetime, ...]:
    """Moments of the month at any second, and those at which the clocks change."""
    chance = Random(31)
    begins = (datetime(2026, 3, 15, 9, tzinfo=UTC), datetime(2026, 10, 18, 9, tzinfo=UTC))
    found = {
        chance.choice(begins) + timedelta(seconds=chance.randrange(15 * 86_400))
        for _ in range(number)
    }
    return (*sorted({*found, SPRING, AUTUMN - timedelta(minutes=30), AUTUMN}), AFTER)


MONTH = Size(
    recipients=3000,
    days=((date(2026, 3, 15), 16), (date(2026, 10, 18), 15)),
    sending_days=7,
    moments=_irregular(6),
    chosen_deaths=10,
    random_deaths=2,
    longest_life=25.0,
    longest_seconds=7200,
)
FEW_DAYS = Size(
    recipients=150,
    days=((date(2026, 3, 29), 2), (date(2026, 10, 25), 2)),
    sending_days=2,
    moments=(SPRING, datetime(2026, 3, 31, 3, 7, 9, tzinfo=UTC), AUTUMN, AFTER),
    chosen_deaths=2,
    random_deaths=1,
    longest_life=5.0,
    longest_seconds=1200,
)
SIZE = MONTH if os.environ.get("MAILUP_TRUTH") == "month" else FEW_DAYS


def play_month(home: Path, recipients: int = SIZE.recipients) -> None:
    """Play the traffic into the home of a MailUp that is not running."""
    home.mkdir(parents=True)
    store = Store(home / DATABASE)
    plant(store)
    set_clock(store, BEFORE, "Europe/Rome")
    store.close()
    for first, days in SIZE.days:
        for number in range(days):
            new = number % SIZE.sending_days == 0
            plan = Plan(MAIL, 3, recipients, messages=int(new), resends=int(not new))
            play(home, first + timedelta(days=number), 1, 7, plan)


@dataclass(frozen=True)
class Stream:
    """One export of one client: its flow, protocol and agreement, and the columns to compare."""

    name: str
    kind: str
    protocol: Protocol
    lists: tuple[int, ...]
    compared: tuple[str, ...]
    agreed: dict[str, Any] = field(default_factory=dict)

    @property
    def flow(self) -> str:
        return f"export_{self.kind}"

    def agreement(self, name: str) -> dict[str, Any]:
        """What was agreed with the client `name`, as its blocks are called; everything has a
        done-marker, so that there is one more way to die."""
        marker = {"done_marker": "{name}.ok", "done_content": "sha256"}
        return {
            "client": name, "server": f"{self.protocol}-server/{name}", "account": name,
            "ledger": name, "lists": list(self.lists), "folder": "out", "packing": marker,
            **self.agreed,
        }  # fmt: skip

    def expected(
        self, log: list[Logged], moments: Sequence[datetime], there: dict[tuple[int, str], str]
    ) -> list[Rows]:
        """The rows that are due at each moment; `there` is who is subscribed at the first one."""
        given = (log, moments, self.lists)
        latest = self.agreed.get("reading") == "latest-action"
        statistics = expected_exports.latest_action if latest else expected_exports.every_event
        if self.kind == "email_statistics":
            return list(statistics(*given))
        if self.kind == "unsubscribed":
            return list(expected_exports.unsubscribed(*given))
        if self.kind == "sms_outcomes":
            return list(expected_exports.sms_outcomes(*given))
        if self.kind == "subscribed":
            return list(expected_exports.subscribed(*given, there))
        return list(
            map(
                expected_exports.cumulative,
                expected_exports.unsubscribed(*given),
                statistics(*given),
            )
        )


_STATISTICS = ("idList", "idNl", "email", "subject", "statusType", "details", "sentDate")
_CUMULATIVE = ("idList", "idNl", "email", "statusType", "details", "statusChange")
_LATEST = {"reading": "latest-action", "message_days": 4000}
STREAMS = {
    stream.name: stream
    for stream in (
        Stream(
            "unsubscribed", "unsubscribed", "ftps", ALL,
            ("email", "idList", "OptOut_Date", "optout_nl", "optout_type"),
        ),
        Stream(
            "every-event", "email_statistics", "sftp", MAIL, _STATISTICS, {"message_days": 4000}
        ),
        Stream("latest-action", "email_statistics", "ftp", MAIL, _STATISTICS, _LATEST),
        Stream("cumulative", "cumulative", "ftps", MAIL, _CUMULATIVE, {"message_days": 4000}),
        Stream(
            "sms", "sms_outcomes", "ftp", SMS,
            ("recipient", "idList", "idSMS", "sentdate", "status", "email"),
            {"columns": ["email"], "fields": ["nome"]},
        ),
        Stream("subscribed", "subscribed", "sftp", ALL, ("email", "idList", "Subscription Date")),
        Stream("cumulative-latest", "cumulative", "sftp", MAIL, _CUMULATIVE, _LATEST),
    )
}  # fmt: skip
PLAYED = [name for name in STREAMS if SIZE is MONTH or name != "cumulative-latest"]
