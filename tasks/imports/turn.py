"""The turn of a MailUp account: one import after the other, whoever they are of."""

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


def turn_of(store: Store, agreement: ImportAgreement, account: MailUpAccount) -> ImportSlot:
    """The turn of an agreement's account; it is waited for when it is entered."""
    queue = f"mailup-import/{agreement.account}"
    return ImportSlot(store, queue, account.imports_at_once, wait_seconds=SLOT_WAIT_SECONDS)


@contextmanager
def turn_first(agreement: ImportAgreement, *, needed: bool) -> Iterator[ImportSlot | None]:
    """Hold the account's turn while a file is decided about, and sent; None where not `needed`.

    What was asked while others were at work for an hour would be an hour old.
    """
    with ExitStack() as held:
        yield _take(agreement, held) if needed else None


@retried_task("wait", "wait for MailUp account {agreement.account}")
def _take(agreement: ImportAgreement, held: ExitStack) -> ImportSlot:
    account = load(MailUpAccount, agreement.account)
    store = held.enter_context(load(Ledger, agreement.ledger).open())
    return held.enter_context(turn_of(store, agreement, account))
