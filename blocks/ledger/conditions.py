"""States of monitored functions, so that one notification is sent per change, not per run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import case, select, update

from blocks.ledger.store import Store, insert_once, naive_utc_now
from blocks.ledger.tables import conditions

ConditionState = Literal["ok", "trouble"]


@dataclass(frozen=True)
class Condition:
    """The state of `name`, e.g. client/acme/import-recipients. `since`: start of the state;
    `changed_at`: last change of state or reason; both UTC."""

    name: str
    state: ConditionState
    reason: str
    since: datetime
    changed_at: datetime


def change(store: Store, name: str, state: ConditionState, reason: str) -> bool:
    """Store a state with its reason (a code); True if it differs from the stored one.

    Of several concurrent callers exactly one gets True. Without a stored state, ok is assumed, so
    that a first successful run is not a change.
    """
    now, one = naive_utc_now(), conditions.c.name == name
    differs = (conditions.c.state != state) | (conditions.c.reason != reason)
    since = case((conditions.c.state == state, conditions.c.since), else_=now)
    with store.transaction() as connection:
        insert_once(
            connection, conditions, name=name, state="ok", reason="", since=now, changed_at=now
        )
        changed = connection.execute(
            update(conditions)
            .where(one, differs)
            .values(state=state, reason=reason, since=since, changed_at=now)
        )
        return changed.rowcount == 1


def all_of(store: Store) -> list[Condition]:
    """All states, by name."""
    with store.transaction() as connection:
        rows = connection.execute(select(conditions).order_by(conditions.c.name)).all()
    return [Condition(*row) for row in rows]
