"""Decisions about held files: release or refuse.

Nothing is overwritten: the newest decision about an attempt counts, earlier ones are kept.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, insert, select

from blocks.ledger import journal
from blocks.ledger.store import Store, naive_utc_now
from blocks.ledger.tables import decisions

Verdict = Literal["release", "refuse"]


@dataclass(frozen=True)
class Decision:
    """One decision. `reason`: why the file was held; `run`: the flow run that recorded it;
    `decided_at` is UTC."""

    file_id: int
    attempt: int
    reason: str
    verdict: Verdict
    decided_by: str
    note: str
    run: str
    decided_at: datetime


def record(
    store: Store,
    file_id: int,
    attempt: int,
    *,
    reason: str,
    verdict: Verdict,
    decided_by: str,
    note: str,
    run: str,
) -> Decision:
    """Record the decision of `decided_by` about an attempt at a file."""
    decision = Decision(
        file_id, attempt, reason, verdict, decided_by[:200], note, run, naive_utc_now()
    )
    with store.transaction() as connection:
        added = insert(decisions).values(vars(decision)).returning(decisions.c.id)
        number = connection.execute(added).scalar()
        detail = {"id": number, "attempt": attempt, "verdict": verdict, "reason": reason}
        journal.write_of_file(connection, file_id, "decision", detail, run=run)
    return decision


def latest(store: Store, file_id: int, attempt: int) -> Decision | None:
    """The newest decision about an attempt at a file; None if there is none."""
    with store.transaction() as connection:
        row = connection.execute(
            select(decisions)
            .where(decisions.c.file_id == file_id, decisions.c.attempt == attempt)
            .order_by(decisions.c.id.desc())
            .limit(1)
        ).first()
    return _decision(row) if row else None


def decided_by(store: Store, decision_id: int) -> str:
    """Who made a decision, by its id; the journal has only the id, not the name."""
    who = select(decisions.c.decided_by).where(decisions.c.id == decision_id)
    with store.transaction() as connection:
        return str(connection.execute(who).scalar())


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        row.file_id, row.attempt, row.reason, row.verdict, row.decided_by, row.note, row.run,
        row.decided_at,
    )  # fmt: skip
