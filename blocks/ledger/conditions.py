"""The state of what is watched, so that one notice goes out per change and not one per run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import case, select, update

from blocks.ledger.store import Store, insert_once, naive_utc_now
from blocks.ledger.tables import conditions

ConditionState = Literal["ok", "trouble"]


@dataclass(frozen=True)
class Condition:
    """What is known of `name`, e.g. client/acme/import-recipients. `since` is when it came into its
    state, `changed_at` when state or reason last changed; both UTC."""

    name: str
    state: ConditionState
    reason: str
    since: datetime
    changed_at: datetime


def change(store: Store, name: str, state: ConditionState, reason: str) -> bool:
    """Store a state with its reason (a code); True only where it differs from what was stored.

    Of several callers at one moment exactly one gets True. What was never stored counts as ok
    without a reason, so that a first good run is no news.
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
    """Everything that is watched, by name."""
    with store.transaction() as connection:
        rows = connection.execute(select(conditions).order_by(conditions.c.name)).all()
    return [Condition(*row) for row in rows]
