"""Sending one batch to MailUp so that it is sent once, whatever happens in between.

The ledger says `sending` before the first byte leaves, `accepted` with MailUp's import id as soon
as it is known, and `done` when MailUp has completed the import. A batch found `sending` is looked
up in MailUp before it is sent again; one found `accepted` is only waited for, so that `done` may
be written together with the next batch's `sending`: each commit waits for the disk.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from blocks.errors import MailUpUnavailable
from blocks.ledger import batches, leases
from blocks.ledger.batches import BatchEntry, Purpose
from blocks.ledger.leases import Lease
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from blocks.mailup.imports import ImportTarget
from blocks.mailup.records import ImportStatus

LOOK_UP_DELAY_SECONDS = 5.0
"""MailUp shows a new import with a delay: waited before one is looked for."""
BUSY_WAIT_SECONDS = 10.0
"""Waited when MailUp refuses an import because another one runs."""


class PlanChanged(Exception):
    """A batch is not the one that an earlier run began to send under the same number."""


@dataclass(frozen=True)
class Parcel:
    """One batch ready to go: its number in the file, its encoded recipients and where they go."""

    number: int
    rows: int
    content: bytes
    sha256: str
    target: ImportTarget
    purpose: Purpose = "records"

    @classmethod
    def of(
        cls,
        number: int,
        rows: int,
        content: bytes,
        target: ImportTarget,
        purpose: Purpose = "records",
    ) -> "Parcel":
        """A parcel whose hash is that of the request that it makes."""
        digest = hashlib.sha256(f"{target.path} {target.params} ".encode() + content)
        return cls(number, rows, content, digest.hexdigest(), target, purpose)


class Queue(Protocol):
    """The account's queue: `offer` lets others in between if they wait."""

    def offer(self) -> None: ...


@dataclass
class Counter:
    """Where parcels are handed in: one file's attempt in the ledger, and MailUp on the other side.

    Nobody else writes to the file's batches while `lease` is held. Call `finish` at the end.
    """

    store: Store
    client: MailUpClient
    file_id: int
    attempt: int
    lease: Lease
    queue: Queue
    import_timeout_seconds: float
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        known = batches.of_file(self.store, self.file_id, self.attempt)
        self._known = {entry.number: entry for entry in known}
        self._ended: list[tuple[int, dict[str, int]]] = []

    def bring(self, parcel: Parcel, *, newest_import: int) -> None:
        """Have MailUp complete the parcel, unless it has; PlanChanged where it is another one.

        `newest_import` is the highest import id known before: ours has a higher one.
        """
        entry = self._known.get(parcel.number)
        if entry is not None and entry.sha256 != parcel.sha256:
            raise PlanChanged
        if entry is not None and entry.state == "done":
            return
        self.queue.offer()
        self._complete(self._accepted(entry, parcel, newest_import), parcel.target)

    def finish(self) -> None:
        """Write down what MailUp has completed since the latest batch was written ahead."""
        if self._ended:
            batches.done(self.store, self._ended)
            self._ended = []

    def settle(self, entry: BatchEntry) -> None:
        """Wait for a batch of an abandoned plan that may be on its way; it is not sent again."""
        if entry.state == "done":
            return
        accepted = entry if entry.state == "accepted" else self._look_up(entry)
        if accepted is not None:
            self._complete(accepted, ImportTarget(**entry.target))
            self.finish()

    def _accepted(self, entry: BatchEntry | None, parcel: Parcel, newest_import: int) -> BatchEntry:
        if entry is None:
            entry = batches.write_ahead(
                self.store, self.file_id, self.attempt, parcel.number,
                target=asdict(parcel.target), rows=parcel.rows, sha256=parcel.sha256,
                after_import=newest_import, purpose=parcel.purpose, lease=self.lease,
                ended=self._ended,
            )  # fmt: skip
            self._ended = []
        else:
            leases.require(self.store, self.lease)
            known = entry if entry.state == "accepted" else self._look_up(entry)
            if known is not None:
                return known
        return self._accept(entry, self._hand_in(parcel))

    def _look_up(self, entry: BatchEntry) -> BatchEntry | None:
        """The batch as accepted where MailUp turns out to have it; None where it never arrived.

        MailUp counts an import's rows late, so each candidate is waited for and has to show as
        many rows as were sent; otherwise it is somebody else's.
        """
        self.sleep(LOOK_UP_DELAY_SECONDS)
        others = batches.claimed_imports(self.store, entry.after_import)
        target = ImportTarget(**entry.target)
        while True:
            import_id = self.client.find_import(
                target, entry.rows, after_id=entry.after_import, not_ids=others
            )
            if import_id is None:
                return None
            self._wait(import_id)
            if self.client.import_detail(import_id).rows_total == entry.rows:
                return self._accept(entry, import_id)
            others.add(import_id)

    def _wait(self, import_id: int) -> ImportStatus:
        return self.client.wait_for_import(import_id, timeout_seconds=self.import_timeout_seconds)

    def _accept(self, entry: BatchEntry, import_id: int) -> BatchEntry:
        batches.accepted(self.store, entry.id, import_id)
        return replace(entry, state="accepted", import_id=import_id)

    def _hand_in(self, parcel: Parcel) -> int:
        end = time.monotonic() + self.import_timeout_seconds
        while True:
            try:
                return self.client.start_import(parcel.target, parcel.content)
            except MailUpUnavailable as refusal:
                if not refusal.context.get("busy") or time.monotonic() > end:
                    raise
            self.sleep(BUSY_WAIT_SECONDS)

    def _complete(self, entry: BatchEntry, target: ImportTarget) -> None:
        import_id = entry.import_id or 0
        status = self._wait(import_id)
        if target.confirm_email:
            self._confirm(entry, import_id)
        self._ended.append((entry.id, self._counters(status, entry.rows)))
        self._known[entry.number] = replace(entry, state="done")

    def _confirm(self, entry: BatchEntry, import_id: int) -> None:
        sending_id = entry.sending_id or self.client.confirmation_sending(import_id)
        if sending_id is None:
            return
        repeated = entry.sending_id is not None
        batches.confirming(self.store, entry.id, sending_id)
        self.client.send_confirmation(sending_id, repeated=repeated)

    def _counters(self, status: ImportStatus, rows: int) -> dict[str, int]:
        """MailUp's own counters of a completed import; `rows` is how many it says it was given."""
        given = status.valid + status.not_valid
        if given != rows:
            # Some counters leave out repeated addresses: the history counts every row.
            given = self.client.import_detail(status.id).rows_total
        return {
            "rows": given,
            "created": status.created,
            "updated": status.updated,
            "valid": status.valid,
            "not_valid": status.not_valid,
        }
