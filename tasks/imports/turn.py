"""The import slot of a MailUp account: imports of all clients take turns."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from blocks.accounts import MailUpAccount
from blocks.ledger.store import Store
from blocks.ledger.turns import ImportSlot
from blocks.ledgers import Ledger
from blocks.loading import load
from tasks.records.agreement import ImportAgreement
from tasks.runs.retrying import retried_task

SLOT_WAIT_SECONDS = 3600.0
"""How long an import waits for other imports of the same MailUp account."""


def slot_of(store: Store, agreement: ImportAgreement, account: MailUpAccount) -> ImportSlot:
    """The import slot of an agreement's account; entering it waits for it."""
    queue = f"mailup-import/{agreement.account}"
    return ImportSlot(store, queue, account.imports_at_once, wait_seconds=SLOT_WAIT_SECONDS)


@contextmanager
def early_slot(agreement: ImportAgreement, *, needed: bool) -> Iterator[ImportSlot | None]:
    """Hold the import slot from before a file is prepared until it is sent; None if not `needed`.

    Otherwise the unsubscribed people could be outdated by the time that other imports take.
    """
    with ExitStack() as held:
        yield _take(agreement, held) if needed else None


@retried_task("wait", "wait for MailUp account {agreement.account}")
def _take(agreement: ImportAgreement, held: ExitStack) -> ImportSlot:
    account = load(MailUpAccount, agreement.account)
    store = held.enter_context(load(Ledger, agreement.ledger).open())
    return held.enter_context(slot_of(store, agreement, account))
