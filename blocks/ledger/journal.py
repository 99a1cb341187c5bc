"""The audit: what was done, when, with which file and by which run; lines are only ever added.

What changes the ledger writes its line in the same transaction, so that the two never disagree:

    file_entered, file_begun_again, file_collected, file_held, file_refused, file_submitting,
    file_submitted, file_reported, decision, batch_sending, batch_sending_again,
    batch_repeating_later, batch_woken, batch_accepted, batch_confirming, batch_done,
    batch_read_back, file_archived, archive_person_removed, archive_removed, window_rendered,
    window_delivered

second_keys, grant_looked, grant_left and grant_ended tell what was seen of people at MailUp, as
lines of the file, before the next step. file_put_away is written after the source file was moved,
file_replayed after a file out of the archive was compared, and person_forgotten after an address
was taken out of what is kept of a client, each in a transaction of its own.

`detail` holds counts, ids and codes, never anything of a person.
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
    """Rows with two keys, as compared with MailUp before the first batch.

    `lines` have another second key than MailUp's. `not_compared` are the lists, with the channel,
    whose rows were not compared, as all of it takes some `calls`, more than agreed.
    """

    lines: frozenset[int] = frozenset()
    not_compared: frozenset[tuple[int, str]] = frozenset()
    calls: int = 0


NO_KEYS = ComparedKeys()


@dataclass(frozen=True)
class JournalEntry:
    """One line. `at` is UTC, `file_id` None where the step belongs to no file."""

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
    """Add a line for what is not written down elsewhere; `run` is the store's unless given."""
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
    """Add a line in the transaction that does what it tells."""
    connection.execute(
        insert(journal).values(
            at=naive_utc_now(), client=client, stream=stream, file_id=file_id, step=step,
            detail=dict(detail or {}), run=run,
        )
    )  # fmt: skip


def write_of_file(
    connection: Connection, file_id: int, step: str, detail: Mapping[str, Any], *, run: str
) -> None:
    """Add a line about a file, whose client and stream the ledger knows."""
    whose = select(files.c.client, files.c.stream).where(files.c.id == file_id)
    client, stream = connection.execute(whose).one()
    write(connection, client, stream, step, file_id=file_id, detail=detail, run=run)


def last_run(
    connection: Connection, file_id: ScalarSelect[int], steps: Sequence[str]
) -> str | None:
    """The run that wrote the latest of these lines about a file."""
    found = connection.execute(
        select(journal.c.run)
        .where(journal.c.file_id == file_id, journal.c.step.in_(steps))
        .order_by(journal.c.id.desc())
        .limit(1)
    )
    return found.scalar()


def is_put_away(store: Store, file_id: int) -> bool:
    """Whether the source of a reported file was moved since it was reported the last time."""
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
    """Write down how second keys were compared, before anything is sent."""
    detail = {
        "attempt": attempt,
        "lines": sorted(keys.lines),
        "not_compared": sorted(keys.not_compared),
        "calls": keys.calls,
    }
    with store.transaction() as connection:
        write_of_file(connection, file_id, SECOND_KEYS, detail, run=store.run)


def second_keys(store: Store, file_id: int, attempt: int) -> ComparedKeys | None:
    """How they were compared for an attempt; None where nobody has looked yet."""
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
    # Lines of before say nothing of rows that were not compared: these were sent as they are.
    lists = frozenset((list_id, channel) for list_id, channel in last.get("not_compared", ()))
    return ComparedKeys(frozenset(last["lines"]), lists, last.get("calls", 0))


def entries(
    store: Store, client: str | None = None, since: datetime | None = None
) -> Iterator[JournalEntry]:
    """Lines in the order they were written, of one client or of all, from `since` (UTC) on.

    They are read page by page, so that no lock is held while the reader takes its time.
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
