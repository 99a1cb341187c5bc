"""One run per client and list: the lease that a run holds while it works."""

from collections.abc import Iterator
from contextlib import contextmanager

from blocks.ledger import leases
from blocks.ledger.leases import Lease
from blocks.ledgers import Ledger
from blocks.loading import load

LEASE_WAIT_SECONDS = 180.0
"""How long a run waits for another run of the same client; longer than a dead run's lease."""


@contextmanager
def working_alone(
    ledger: str, client: str, stream: str, *, dry_run: bool
) -> Iterator[Lease | None]:
    """Hold the lease of a client's stream during the run; a dry run needs none."""
    if dry_run:
        yield None
        return
    name = f"client/{client}/{stream}"
    with (
        load(Ledger, ledger).open() as store,
        leases.held(store, name, wait_seconds=LEASE_WAIT_SECONDS) as lease,
    ):
        yield lease
