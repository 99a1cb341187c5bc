"""The emulator's clock: real time, or a fixed time.

Answers show nothing that is registered later. Generated status changes of the future wait in the
table `change` and are applied when the clock reaches them.
"""

from datetime import datetime

from sandbox.mailup.clock import from_seconds, local_form, now, seconds
from sandbox.mailup.statuses import Cause, set_subscribed, set_unsubscribed
from sandbox.mailup.store import Store

DUE = "FROM change WHERE applied = 0 AND registered <= ?"


def present(store: Store) -> datetime:
    """The emulator's time, in whole seconds if the clock is fixed."""
    fixed = store.value("SELECT now FROM clock")
    return now() if fixed is None else from_seconds(fixed)


def is_fixed(store: Store) -> bool:
    """Whether the clock is fixed."""
    return store.value("SELECT now FROM clock") is not None


def horizon(store: Store, *, hours_ago: int = 0) -> int:
    """When the newest visible event was registered; 0 if there is none.

    As a limit it is equivalent to the present, but constant while there are no new events.
    """
    found = store.value(
        "SELECT max(registered) FROM event WHERE registered <= ?",
        (seconds(present(store)) - hours_ago * 3600,),
    )
    return int(found or 0)


def set_clock(store: Store, moment: datetime | None, zone: str) -> None:
    """Fix the clock at `moment`, or let it run; apply status changes that are due.

    ValueError for a time before a status change that was already applied.
    """
    last = store.value("SELECT max(registered) FROM change WHERE applied = 1")
    if moment is not None and last is not None and seconds(moment) < last:
        raise ValueError(
            f"status changes up to {from_seconds(last).isoformat()} were already applied; set the "
            "clock before generating traffic, and then only forward"
        )
    store.write("UPDATE clock SET now = ?", (None if moment is None else seconds(moment),))
    settle(store, zone)


def settle(store: Store, zone: str) -> None:
    """Apply the status changes that are due, in the order of registration."""
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
