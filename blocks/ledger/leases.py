"""Leases: at most one run works for a client, and at most n imports run in an account.

A lease expires unless it is renewed, so that a machine that died blocks nobody for long. Whether it
has is told by a clock that nobody sets (`clock`).
Prefect's concurrency limits alone do not exclude two runs after a crash (they expire too, but the
slow run is never told); here the holder can ask whether it still holds.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, select, update

from blocks.errors import LeaseHeld, RetryableError, RunStopped
from blocks.ledger import clock
from blocks.ledger.store import Store, insert_once
from blocks.ledger.tables import leases

LEASE_SECONDS = 60.0
"""Life of a lease that is not renewed; it is renewed every third of this."""


@dataclass(frozen=True)
class Lease:
    """Proof of holding `name`; a small value that may be given to tasks."""

    name: str
    owner: str


def take(store: Store, name: str, *, seconds: float = LEASE_SECONDS) -> Lease | None:
    """Take the lease `name` if it is free or has expired; None where somebody else holds it."""
    lease = Lease(name, uuid4().hex)
    with store.transaction() as connection:
        values = {"owner": lease.owner, **_until(connection, seconds)}
        expired = (leases.c.name == name) & ~alive(connection)
        if connection.execute(update(leases).where(expired).values(values)).rowcount:
            return lease
        if connection.execute(select(leases.c.name).where(leases.c.name == name)).first():
            return None
        # Another process may be faster by a moment.
        return lease if insert_once(connection, leases, name=name, **values) else None


def alive(connection: Connection) -> ColumnElement[bool]:
    """Whether a lease holds at this moment; one of an earlier start of this machine does not."""
    mine = leases.c.boot == clock.boot(connection)
    return mine & (leases.c.expires_at > clock.now(connection))


def _until(connection: Connection, seconds: float) -> dict[str, Any]:
    return {
        "expires_at": clock.after(connection, seconds),
        "boot": clock.boot(connection),
    }


def renew(store: Store, lease: Lease, *, seconds: float = LEASE_SECONDS) -> bool:
    """Prolong a lease; False where it was lost in the meantime."""
    with store.transaction() as connection:
        return _renewed(connection, lease, seconds)


def _renewed(connection: Connection, lease: Lease, seconds: float) -> bool:
    mine = (leases.c.name == lease.name) & (leases.c.owner == lease.owner)
    until = _until(connection, seconds)
    return connection.execute(update(leases).where(mine).values(until)).rowcount == 1


def release(store: Store, lease: Lease) -> None:
    """Give a lease back; no error where it was lost."""
    mine = (leases.c.name == lease.name) & (leases.c.owner == lease.owner)
    with store.transaction() as connection:
        connection.execute(delete(leases).where(mine))


def require_within(connection: Connection, lease: Lease) -> None:
    """Raise RunStopped unless the lease is still held, in the transaction that needs it: another
    run may have taken over."""
    if not _renewed(connection, lease, LEASE_SECONDS):
        raise RunStopped(
            f"The lease {lease.name!r} was taken over by another run, because this one did not "
            "renew it in time. Nothing more is sent from here; look at the other run."
        )


def holds(store: Store, lease: Lease) -> bool:
    """Whether nobody else has taken the lease; it is renewed."""
    return renew(store, lease, seconds=LEASE_SECONDS)


class Guard:
    """Called directly before a request that changes something: this run still works alone.

    The ledger is asked whether the lease is held, and it is renewed unless that was done a moment
    ago. A process can stand still at any point (SIGSTOP, a machine that sleeps): so what is known
    counts only if the machine's clock says that it has just been learned.
    """

    def __init__(
        self, store: Store, lease: Lease, *, awake: Callable[[], float] = clock.awake
    ) -> None:
        self._store, self.lease, self._awake = store, lease, awake
        self._asked = awake()

    def __call__(self) -> None:
        """Raise RunStopped unless the lease is held at this moment."""
        while True:
            self._asked = self._awake()
            _confirm(self._store, self.lease)
            if not self.stood_still:
                return

    def within(self, connection: Connection) -> None:
        """The same in a transaction that is not to happen without the lease."""
        require_within(connection, self.lease)

    @property
    def stood_still(self) -> bool:
        """Whether so much time has passed since then that the lease may be lost."""
        return self._awake() - self._asked > LEASE_SECONDS / 2


def _confirm(store: Store, lease: Lease) -> None:
    mine = (leases.c.name == lease.name) & (leases.c.owner == lease.owner)
    with store.transaction() as connection:
        fresh = (leases.c.boot == clock.boot(connection)) & (
            leases.c.expires_at > clock.after(connection, LEASE_SECONDS * 0.6)
        )
        # Looking costs nothing beside writing, which waits for the disk.
        if not connection.execute(select(leases.c.name).where(mine, fresh)).first():
            require_within(connection, lease)


@contextmanager
def held(
    store: Store,
    name: str,
    *,
    wait_seconds: float,
    seconds: float = LEASE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Lease]:
    """Hold the lease `name`, renewed in the background.

    Waits up to `wait_seconds` and then raises LeaseHeld.
    """
    with kept(store, _wait(store, name, wait_seconds, seconds, sleep), seconds=seconds) as lease:
        yield lease


@contextmanager
def kept(store: Store, lease: Lease, *, seconds: float = LEASE_SECONDS) -> Iterator[Lease]:
    """Hold on to a lease, renewed in the background, and give it back at the end."""
    done = Event()
    keeper = Thread(target=_keep, args=(store, lease, seconds, done), daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        done.set()
        keeper.join()
        # What was done is done, and what went wrong is to be told: the lease ends by itself.
        with suppress(RetryableError):
            release(store, lease)


def _wait(
    store: Store,
    name: str,
    wait_seconds: float,
    seconds: float,
    sleep: Callable[[float], None],
) -> Lease:
    end = time.monotonic() + wait_seconds
    while True:
        lease = take(store, name, seconds=seconds)
        if lease is not None:
            return lease
        if time.monotonic() >= end:
            raise LeaseHeld(
                f"Another run holds {name} and did not end within "
                f"{wait_seconds:.0f} seconds. Let it end, or run this again later."
            )
        sleep(min(1.0, seconds / 10))


def _keep(store: Store, lease: Lease, seconds: float, done: Event) -> None:
    while not done.wait(seconds / 3):
        try:
            if not renew(store, lease, seconds=seconds):
                return
        except RetryableError:  # the next third may succeed; `require_within` tells a lost lease
            continue
