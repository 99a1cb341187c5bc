"""Leases: at most one run works for a client, and at most n imports run in an account.

A lease expires unless it is renewed, so that a crashed machine does not block others for long.
Expiry is measured by `clock`. Prefect's concurrency limits also expire, but do not notify the
holder; here the holder can check whether it still holds the lease.
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
"""When a lease expires; it is renewed after each third of this."""


@dataclass(frozen=True)
class Lease:
    """A held lease; a small value that may be passed to tasks."""

    name: str
    owner: str


def take(store: Store, name: str, *, seconds: float = LEASE_SECONDS) -> Lease | None:
    """Take the lease `name` if it is free or expired; None if another run holds it."""
    lease = Lease(name, uuid4().hex)
    with store.transaction() as connection:
        values = {"owner": lease.owner, **_until(connection, seconds)}
        expired = (leases.c.name == name) & ~alive(connection)
        if connection.execute(update(leases).where(expired).values(values)).rowcount:
            return lease
        if connection.execute(select(leases.c.name).where(leases.c.name == name)).first():
            return None
        # Another process may take it at the same moment.
        return lease if insert_once(connection, leases, name=name, **values) else None


def alive(connection: Connection) -> ColumnElement[bool]:
    """Whether a lease is valid now; one of an earlier boot of this machine is not."""
    mine = leases.c.boot == clock.boot(connection)
    return mine & (leases.c.expires_at > clock.now(connection))


def _until(connection: Connection, seconds: float) -> dict[str, Any]:
    return {
        "expires_at": clock.after(connection, seconds),
        "boot": clock.boot(connection),
    }


def renew(store: Store, lease: Lease, *, seconds: float = LEASE_SECONDS) -> bool:
    """Renew a lease; False if it was lost meanwhile."""
    with store.transaction() as connection:
        return _renewed(connection, lease, seconds)


def _renewed(connection: Connection, lease: Lease, seconds: float) -> bool:
    mine = (leases.c.name == lease.name) & (leases.c.owner == lease.owner)
    until = _until(connection, seconds)
    return connection.execute(update(leases).where(mine).values(until)).rowcount == 1


def release(store: Store, lease: Lease) -> None:
    """Release a lease; no error if it was lost."""
    mine = (leases.c.name == lease.name) & (leases.c.owner == lease.owner)
    with store.transaction() as connection:
        connection.execute(delete(leases).where(mine))


def require_within(connection: Connection, lease: Lease) -> None:
    """Raise RunStopped unless the lease is still held, within the transaction that needs it."""
    if not _renewed(connection, lease, LEASE_SECONDS):
        raise RunStopped(
            f"The lease {lease.name!r} was taken over by another run, because this one did not "
            "renew it in time. This run sends nothing more; check the other run."
        )


def holds(store: Store, lease: Lease) -> bool:
    """Whether the lease is still held; it is renewed."""
    return renew(store, lease, seconds=LEASE_SECONDS)


class Guard:
    """Checks the lease directly before a request that changes something.

    The check asks the ledger, and renews the lease unless it was just renewed. A process can be
    suspended at any point (SIGSTOP, a sleeping machine), so the check is repeated if the clock
    shows that it took too long.
    """

    def __init__(
        self, store: Store, lease: Lease, *, awake: Callable[[], float] = clock.awake
    ) -> None:
        self._store, self.lease, self._awake = store, lease, awake
        self._asked = awake()

    def __call__(self) -> None:
        """Raise RunStopped unless the lease is held now."""
        while True:
            self._asked = self._awake()
            _confirm(self._store, self.lease)
            if not self.stood_still:
                return

    def within(self, connection: Connection) -> None:
        """The same within a transaction that requires the lease."""
        require_within(connection, self.lease)

    @property
    def stood_still(self) -> bool:
        """Whether the lease may have been lost since the last check."""
        return self._awake() - self._asked > LEASE_SECONDS / 2


def _confirm(store: Store, lease: Lease) -> None:
    mine = (leases.c.name == lease.name) & (leases.c.owner == lease.owner)
    with store.transaction() as connection:
        fresh = (leases.c.boot == clock.boot(connection)) & (
            leases.c.expires_at > clock.after(connection, LEASE_SECONDS * 0.6)
        )
        # Reading is much cheaper than writing, which waits for the disk.
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
    """Take and hold the lease `name`, renewed in the background.

    LeaseHeld if it cannot be taken within `wait_seconds`.
    """
    with kept(store, _wait(store, name, wait_seconds, seconds, sleep), seconds=seconds) as lease:
        yield lease


@contextmanager
def kept(store: Store, lease: Lease, *, seconds: float = LEASE_SECONDS) -> Iterator[Lease]:
    """Hold a lease, renewed in the background, and release it at the end."""
    done = Event()
    keeper = Thread(target=_keep, args=(store, lease, seconds, done), daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        done.set()
        keeper.join()
        # An error here must not hide another one; the lease expires anyway.
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
                f"{wait_seconds:.0f} seconds. Wait for its end, or run this again later."
            )
        sleep(min(1.0, seconds / 10))


def _keep(store: Store, lease: Lease, seconds: float, done: Event) -> None:
    while not done.wait(seconds / 3):
        try:
            if not renew(store, lease, seconds=seconds):
                return
        except RetryableError:  # the next renewal may succeed; `require_within` detects a loss
            continue
