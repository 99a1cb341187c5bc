"""The emulator's clock: real time, or a moment that stands still until it is set again.

Nothing registered after it shows in an answer. Changes of status that are played ahead wait in
the table `change` and are carried out when the clock has reached them.
"""

from datetime import datetime

from sandbox.mailup.clock import from_seconds, local_form, now, seconds
from sandbox.mailup.statuses import Cause, set_subscribed, set_unsubscribed
from sandbox.mailup.store import Store

DUE = "FROM change WHERE applied = 0 AND registered <= ?"


def present(store: Store) -> datetime:
    """The emulator's moment, in whole seconds where the clock stands still."""
    fixed = store.value("SELECT now FROM clock")
    return now() if fixed is None else from_seconds(fixed)


def is_fixed(store: Store) -> bool:
    """Whether the clock stands still."""
    return store.value("SELECT now FROM clock") is not None


def horizon(store: Store, *, hours_ago: int = 0) -> int:
    """When the newest event that may be seen was registered; 0 without any.

    As a bound it equals the present, but it stays the same while nothing new is to be seen.
    """
    found = store.value(
        "SELECT max(registered) FROM event WHERE registered <= ?",
        (seconds(present(store)) - hours_ago * 3600,),
    )
    return int(found or 0)


def set_clock(store: Store, moment: datetime | None, zone: str) -> None:
    """Let the clock stand at `moment`, or run with real time; carries out what is due.

    ValueError for a moment before a change of status that was carried out already.
    """
    last = store.value("SELECT max(registered) FROM change WHERE applied = 1")
    if moment is not None and last is not None and seconds(moment) < last:
        raise ValueError(
            f"changes of status up to {from_seconds(last).isoformat()} were carried out already; "
            "set the clock before playing traffic, and then only forward"
        )
    store.write("UPDATE clock SET now = ?", (None if moment is None else seconds(moment),))
    settle(store, zone)


def settle(store: Store, zone: str) -> None:
    """Carry out the changes of status that are due, in the order of their registration."""
    until = (seconds(present(store)),)
    if store.row(f"SELECT 1 {DUE} LIMIT 1", until) is None:
        return
    with store.writing() as connection:
        due = connection.execute(f"SELECT * {DUE} ORDER BY registered, id", until).fetchall()
        for row in due:
            target = (connection, row["list_id"], row["recipient_id"])
            moment = local_form(from_seconds(row["at"]), zone)
            if row["status"] == "subscribed":
                set_subscribed(*target, moment, row["channel"])
            else:
                cause = Cause(row["type"], row["subtype"], row["message_id"])
                set_unsubscribed(*target, moment, cause, row["channel"])
        connection.executemany(
            "UPDATE change SET applied = 1 WHERE id = ?", [(row["id"],) for row in due]
        )
