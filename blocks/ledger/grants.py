"""People whom a grant subscribes again, batch by batch, as line numbers of their file.

Who has left since consent was applied is read from MailUp: before such a batch is sent, until it
is complete, and once more after that. Each result is in the journal before the next step, so that
a repeated run continues from there:

    grant_looked --somebody has left--> grant_left ... --read once more--> grant_ended
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from blocks.ledger import journal
from blocks.ledger.store import Store
from blocks.ledger.tables import journal as lines_of_journal

LOOKED, LEFT, ENDED = "grant_looked", "grant_left", "grant_ended"
_BEGUN, _REPORTED = "file_begun_again", "file_reported"


@dataclass(frozen=True)
class Grant:
    """One batch of people whom a grant subscribes, as line numbers of the file.

    `sent`: in the batch. `left_out`: not in it, because they have left since consent was applied.
    `left`: left while the batch was being imported. `gone`: those of `sent` who are not subscribed
    in the end; None before that is known.
    """

    id: int
    attempt: int
    number: int
    sent: tuple[int, ...]
    left_out: tuple[int, ...]
    left: frozenset[int] = frozenset()
    gone: tuple[int, ...] | None = None


def looked(
    store: Store,
    file_id: int,
    attempt: int,
    number: int,
    *,
    sent: Sequence[int],
    left_out: Sequence[int],
) -> Grant:
    """Record who is in a batch, before it is sent."""
    detail = {"attempt": attempt, "number": number, "sent": [*sent], "left_out": [*left_out]}
    _write(store, file_id, LOOKED, detail)
    return [each for each in of_file(store, file_id) if each.number == number][-1]


def left(store: Store, file_id: int, grant: Grant, lines: Collection[int]) -> None:
    """Record who left while the batch was being imported."""
    _write(store, file_id, LEFT, {"grant": grant.id, "lines": sorted(lines)})


def ended(store: Store, file_id: int, grant: Grant, gone: Collection[int]) -> None:
    """Record who of a batch is not subscribed in the end; it is not read again."""
    _write(store, file_id, ENDED, {"grant": grant.id, "lines": sorted(gone)})


def of_file(store: Store, file_id: int) -> list[Grant]:
    """The grant batches of a file's current import, of all its attempts, in order."""
    found: dict[int, Grant] = {}
    reported = False
    for each, step, detail in _steps(store, file_id):
        if step == _BEGUN and reported:
            found, reported = {}, False  # another import of the same file begins
        elif step == _REPORTED:
            reported = True
        elif step == LOOKED:
            # Recorded again: the batch was not sent after the first time.
            found = {id_: grant for id_, grant in found.items() if not _same(grant, detail)}
            found[each] = Grant(
                each,
                detail["attempt"],
                detail["number"],
                tuple(detail["sent"]),
                tuple(detail["left_out"]),
            )
        elif step == LEFT and (grant := found.get(detail["grant"])):
            found[grant.id] = replace(grant, left=grant.left | set(detail["lines"]))
        elif step == ENDED and (grant := found.get(detail["grant"])):
            found[grant.id] = replace(grant, gone=tuple(detail["lines"]))
    return list(found.values())


def _same(grant: Grant, detail: dict[str, Any]) -> bool:
    return (grant.attempt, grant.number) == (detail["attempt"], detail["number"])


def unfinished(store: Store, file_id: int) -> frozenset[int]:
    """Lines of people in batches whose end was not recorded, who may be subscribed."""
    open_ones = (each for each in of_file(store, file_id) if each.gone is None)
    return frozenset(line for each in open_ones for line in each.sent)


def _steps(store: Store, file_id: int) -> Iterator[tuple[int, str, dict[str, Any]]]:
    table, steps = lines_of_journal.c, (LOOKED, LEFT, ENDED, _BEGUN, _REPORTED)
    with store.transaction() as connection:
        rows = connection.execute(
            select(table.id, table.step, table.detail)
            .where(table.file_id == file_id, table.step.in_(steps))
            .order_by(table.id)
        ).all()
    yield from ((row.id, row.step, dict(row.detail)) for row in rows)


def _write(store: Store, file_id: int, step: str, detail: dict[str, Any]) -> None:
    with store.transaction() as connection:
        journal.write_of_file(connection, file_id, step, detail, run=store.run)
