"""The journal: what was done, when, with which file and by which run. Append-only.

Steps that change the ledger are written in the same transaction:

    file_entered, file_begun_again, file_held, file_refused, file_submitting, file_submitted,
    file_reported, decision, batch_sending, batch_sending_again, batch_repeating_later,
    batch_woken, batch_accepted, batch_confirming, batch_done, batch_read_back, file_archived,
    archive_person_removed, archive_removed, window_rendered, window_delivered

Written in a transaction of their own: second_keys, grant_looked, grant_left and grant_ended before
the next step (people as lines of the file); file_put_away after the source file was moved;
file_replayed after a replay; person_forgotten after an erasure.

`detail` holds counts, ids, codes and line numbers, never personal data.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, ScalarSelect, insert, select

from blocks.ledger.store import Store, naive_utc_now
from blocks.ledger.tables import files, journal

PAGE_ROWS = 1000
SOURCE_MOVED = "file_put_away"
SECOND_KEYS = "second_keys"


@dataclass(frozen=True)
class ComparedKeys:
    """The comparison of second keys with MailUp, before the first batch.

    `lines`: rows whose second key differs from MailUp's. `not_compared`: lists, with channel,
    whose rows were not compared, because all of it would take `calls`, more than agreed.
    """

    lines: frozenset[int] = frozenset()
    not_compared: frozenset[tuple[int, str]] = frozenset()
    calls: int = 0


NO_KEYS = ComparedKeys()


@dataclass(frozen=True)
class JournalEntry:
    """One line. `at` is UTC; `file_id` is None if the step belongs to no file."""

    id: int
    at: datetime
    client: str
    stream: str
    file_id: int | None
    step: str
    detail: dict[str, Any]
    run: str


def note(
    store: Store,
    client: str,
    stream: str,
    step: str,
    *,
    file_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
    run: str = "",
) -> None:
    """Add a line in a transaction of its own; `run` is the store's unless given."""
    with store.transaction() as connection:
        write(
            connection, client, stream, step, file_id=file_id, detail=detail, run=run or store.run
        )


def write(
    connection: Connection,
    client: str,
    stream: str,
    step: str,
    *,
    file_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
    run: str,
) -> None:
    """Add a line in the transaction of the change that it describes."""
    connection.execute(
        insert(journal).values(
            at=naive_utc_now(), client=client, stream=stream, file_id=file_id, step=step,
            detail=dict(detail or {}), run=run,
        )
    )  # fmt: skip


def write_of_file(
    connection: Connection, file_id: int, step: str, detail: Mapping[str, Any], *, run: str
) -> None:
    """Add a line about a file, with the file's client and stream."""
    whose = select(files.c.client, files.c.stream).where(files.c.id == file_id)
    client, stream = connection.execute(whose).one()
    write(connection, client, stream, step, file_id=file_id, detail=detail, run=run)


def last_run(
    connection: Connection, file_id: ScalarSelect[int], steps: Sequence[str]
) -> str | None:
    """The run that wrote the latest line with one of these steps about a file."""
    found = connection.execute(
        select(journal.c.run)
        .where(journal.c.file_id == file_id, journal.c.step.in_(steps))
        .order_by(journal.c.id.desc())
        .limit(1)
    )
    return found.scalar()


def is_source_moved(store: Store, file_id: int) -> bool:
    """Whether the source file was moved after the file was last reported."""
    steps = ("file_reported", SOURCE_MOVED)
    with store.transaction() as connection:
        last = connection.execute(
            select(journal.c.step)
            .where(journal.c.file_id == file_id, journal.c.step.in_(steps))
            .order_by(journal.c.id.desc())
            .limit(1)
        ).scalar()
    return last == SOURCE_MOVED


def note_second_keys(store: Store, file_id: int, attempt: int, keys: ComparedKeys) -> None:
    """Record the comparison of second keys, before anything is sent."""
    detail = {
        "attempt": attempt,
        "lines": sorted(keys.lines),
        "not_compared": sorted(keys.not_compared),
        "calls": keys.calls,
    }
    with store.transaction() as connection:
        write_of_file(connection, file_id, SECOND_KEYS, detail, run=store.run)


def second_keys(store: Store, file_id: int, attempt: int) -> ComparedKeys | None:
    """The comparison of second keys of an attempt; None before it."""
    with store.transaction() as connection:
        rows = connection.execute(
            select(journal.c.detail)
            .where(journal.c.file_id == file_id, journal.c.step == SECOND_KEYS)
            .order_by(journal.c.id)
        ).scalars()
        found = [each for each in rows if each["attempt"] == attempt]
    if not found:
        return None
    last = found[-1]
    # Entries of older versions have no `not_compared`: such rows were sent as they are.
    lists = frozenset((list_id, channel) for list_id, channel in last.get("not_compared", ()))
    return ComparedKeys(frozenset(last["lines"]), lists, last.get("calls", 0))


def entries(
    store: Store, client: str | None = None, since: datetime | None = None
) -> Iterator[JournalEntry]:
    """Lines in the order written, of one client or of all, from `since` (UTC) on.

    They are read in pages, so that no lock is held while the caller processes them.
    """
    wanted = []
    if client is not None:
        wanted.append(journal.c.client == client)
    if since is not None:
        wanted.append(journal.c.at >= _utc(since))
    last, more = 0, True
    while more:
        with store.transaction() as connection:
            rows = connection.execute(
                select(journal)
                .where(journal.c.id > last, *wanted)
                .order_by(journal.c.id)
                .limit(PAGE_ROWS)
            ).all()
        yield from (JournalEntry(*row) for row in rows)
        more = len(rows) == PAGE_ROWS
        last = rows[-1].id if rows else last


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
