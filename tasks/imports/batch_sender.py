"""Sending one batch to MailUp so that its effect is there once, whatever happens in between.

The ledger says `sending` before the first byte leaves, `accepted` with MailUp's import id as soon
as it is known, and `done` when MailUp has completed the import. One found `accepted` is only waited
for, so that `done` may be written together with the next batch's `sending`: each commit waits for
the disk. MailUp's answer alone proves that an import is ours. One found `sending` is sent again:
where MailUp has no import that may be it, or where that is harmless (`unproven`); and behind it
what was sent to the list since then, of the same people, for theirs are the newer values.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import NoReturn, Protocol

from blocks.errors import LeaseHeld, MailUpUnavailable, RunStopped
from blocks.ledger import batches, bodies, leases
from blocks.ledger.batches import BatchEntry, Purpose
from blocks.ledger.bodies import Later
from blocks.ledger.leases import Guard
from blocks.ledger.storage import Storage
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.imports import ImportTarget, may_be, nothing
from blocks.mailup.resources.models import ImportDetail, ImportStatus
from tasks.imports.unproven import Judge, shared

LOOK_UP_DELAY_SECONDS = 5.0
"""MailUp shows a new import with a delay: waited before one is looked for."""
BUSY_WAIT_SECONDS = 10.0
"""Waited when MailUp refuses an import because another one runs."""


WOKEN_WAIT_SECONDS = 180.0
"""How long a run that stood still waits for the one that took over, to mend what it did."""


class PlanChanged(Exception):
    """A batch is not the one that an earlier run began to send under the same number."""


@dataclass(frozen=True)
class BatchRequest:
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
    ) -> "BatchRequest":
        """A parcel whose hash is that of the request that it makes."""
        digest = hashlib.sha256(f"{target.path} {target.params} ".encode() + content)
        return cls(number, rows, content, digest.hexdigest(), target, purpose)


class Queue(Protocol):
    """The account's queue: `yield_to_others` lets waiting files go first."""

    def yield_to_others(self) -> None: ...


@dataclass
class BatchSender:
    """Where parcels are handed in: one file's attempt in the ledger, and MailUp on the other side.

    Nobody else writes to the file's batches while the lease of `guard` is held. `account` tells the
    account from others of the ledger, `storage` opens the ledger's. Call `finish` at the end.
    """

    store: Store
    client: MailUpClient
    file_id: int
    attempt: int
    guard: Guard
    queue: Queue
    import_timeout_seconds: float
    account: str
    storage: Callable[[], Storage]
    judge: Judge
    sleep: Callable[[float], None] = time.sleep
    meanwhile: Callable[[], None] = nothing

    def __post_init__(self) -> None:
        known = batches.of_file(self.store, self.file_id, self.attempt)
        self._known = {each.number: replace(each, account=self.account) for each in known}
        self._ended: list[tuple[int, dict[str, int]]] = []

    def send(self, parcel: BatchRequest, *, newest_import: int) -> None:
        """Have MailUp complete the parcel, unless it has; PlanChanged where it is another one.

        `newest_import` is the highest import id known before: ours has a higher one. MaybeSent
        where MailUp may have it already, and sending it again may do harm.
        """
        entry = self._known.get(parcel.number)
        if entry is not None and entry.sha256 != parcel.sha256:
            raise PlanChanged
        if entry is not None and entry.state == "done":
            return
        self.queue.yield_to_others()
        if entry is None:
            entry = self._written_ahead(parcel, newest_import)
            accepted = self._handed_in(entry, parcel.target, parcel.content)
        else:
            self.guard()
            accepted = entry if entry.state == "accepted" else self._sent_again(entry, parcel)
        self._complete(accepted, parcel.target, parcel.content)

    def bring_again(self, entry: BatchEntry) -> None:
        """Bring a batch to its end whose parcel cannot be made anew, by the body that was kept."""
        target = ImportTarget(**entry.target)
        content = self._read(entry.stored) if entry.stored else None
        if content is None:
            self.finish_abandoned(entry)
            return
        self.send(
            BatchRequest(entry.number, entry.rows, content, entry.sha256, target, entry.purpose),
            newest_import=entry.after_import,
        )

    def finish(self) -> None:
        """Write down what MailUp has completed since the latest batch was written ahead, and
        delete bodies that nothing needs any more."""
        if self._ended:
            batches.done(self.store, self._ended)
            self._ended = []
        for each in bodies.outdated(self.store, self.account):
            self.storage().remove(each.stored)
            bodies.removed(self.store, each.id)

    def finish_abandoned(self, entry: BatchEntry) -> None:
        """Wait until a batch of an abandoned plan is on its way no more; it is not sent again."""
        entry, target = replace(entry, account=self.account), ImportTarget(**entry.target)
        if entry.state == "accepted":
            self._complete(entry, target, b"[]")
            self.finish()
        elif entry.state == "sending":
            self._possible(entry, target)

    def _written_ahead(self, parcel: BatchRequest, newest_import: int) -> BatchEntry:
        entry = batches.write_ahead(
            self.store, self.file_id, self.attempt, parcel.number,
            target=asdict(parcel.target), rows=parcel.rows, sha256=parcel.sha256,
            after_import=newest_import, purpose=parcel.purpose, account=self.account,
            lease=self.guard.lease, ended=self._ended,
        )  # fmt: skip
        self._ended = []
        if entry.stored:
            self.storage().write(parcel.content, entry.stored)
        return entry

    def _sent_again(self, entry: BatchEntry, parcel: BatchRequest) -> BatchEntry:
        """Send a batch anew that an earlier run began to send, where that is harmless."""
        possible = self._possible(entry, parcel.target)
        if possible:
            newer = self._newer_that_stay_behind(entry, parcel.content)
            self.judge.require_harmless(entry, parcel.target, parcel.content, possible, newer)
            self.guard()
        entry = batches.sending_again(self.store, entry, possible=[each.id for each in possible])
        return self._handed_in(entry, parcel.target, parcel.content)

    def _possible(self, entry: BatchEntry, target: ImportTarget) -> list[ImportDetail]:
        """The imports that may be this batch, completed and counted by MailUp."""
        self.sleep(LOOK_UP_DELAY_SECONDS)
        others = batches.claimed_imports(self.store, self.file_id, entry)
        told = self.client.possible_imports(
            target, entry.rows, after_id=entry.after_import, not_ids=others
        )
        for each in told:
            if not each.is_over:
                self._wait(each.id)
        details = [self.client.import_detail(each.id) for each in told]
        return [each for each in details if may_be(each, target, entry.rows)]

    def _newer_that_stay_behind(self, entry: BatchEntry, content: bytes) -> str:
        """Why newer values of the same people could not be brought again; "" where they can."""
        where = (self.account, entry.list_id, entry.id)
        if bodies.unknown_later(self.store, self.file_id, *where):
            return "later batches to the list may have newer values, and are not kept"
        for each in bodies.later(self.store, *where):
            kept, plain = self._read(each.stored), ImportTarget(**each.target).is_idempotent
            if kept is None and each.state != "sending":
                return "the ledger's storage lacks a later batch to the list"
            if kept is not None and not plain and shared(content, kept):
                return "a later batch to the list, which is no plain import, has people of it"
        return ""

    def _wait(self, import_id: int) -> ImportStatus:
        return self.client.wait_for_import(
            import_id, timeout_seconds=self.import_timeout_seconds, meanwhile=self.meanwhile
        )

    def _handed_in(self, entry: BatchEntry, target: ImportTarget, content: bytes) -> BatchEntry:
        """Send a batch and write MailUp's answer down.

        If this process stood still on the way, others may have sent to the list meanwhile: theirs
        is sent once more behind it. RunStopped where another run has taken over the file.
        """
        try:
            import_id = self._hand_in(target, content)
        except MailUpUnavailable as failure:
            if failure.context.get("maybe_accepted") and self._is_taken_over():
                self._woken(entry, target, content, None)
            raise
        if self._is_taken_over():
            self._woken(entry, target, content, import_id)
        if self.guard.stood_still:
            entry = batches.sending_again(self.store, entry, possible=())
        return batches.accepted(self.store, entry, import_id)

    def _is_taken_over(self) -> bool:
        return self.guard.stood_still and not leases.holds(self.store, self.guard.lease)

    def _woken(
        self, entry: BatchEntry, target: ImportTarget, content: bytes, import_id: int | None
    ) -> NoReturn:
        """A request went out while another run worked for the client: mend what it brought back.

        First it is written down. Newer values are sent once more as soon as nobody else works.
        """
        batches.woken(self.store, entry, import_id)
        try:
            name = self.guard.lease.name
            with leases.held(self.store, name, wait_seconds=WOKEN_WAIT_SECONDS) as lease:
                self.guard.lease = lease
                why = self._mended(entry, target, content, import_id)
        except LeaseHeld:
            why = "another run of the client has not ended"
        told = f"but not all of it could be sent once more: {why}" if why else "was sent once more"
        raise RunStopped(
            f"This run stood still while it sent batch {entry.number}, and another run took over. "
            f"MailUp took it all the same (import {import_id or 'not known'}); what was sent to "
            f"list {entry.list_id} since then, of the same people, {told}. "
            + (
                "Import the newest file of each client of that list anew, with release=true and "
                "send_all=true."
                if why
                else ""
            )
        )

    def _mended(
        self, entry: BatchEntry, target: ImportTarget, content: bytes, import_id: int | None
    ) -> str:
        """Send newer values once more; why that was not possible for all, "" where it was."""
        if import_id is None:
            self._possible(entry, target)
        else:
            self._wait(import_id)
        why = self._newer_that_stay_behind(entry, content)
        for each in bodies.later(self.store, self.account, entry.list_id, entry.id):
            entry = self._repeated(entry, content, each)
        return why

    def _hand_in(self, target: ImportTarget, content: bytes) -> int:
        end = time.monotonic() + self.import_timeout_seconds
        while True:
            try:
                return self.client.start_import(target, content)
            except MailUpUnavailable as refusal:
                if not refusal.context.get("busy") or time.monotonic() > end:
                    raise
            self.sleep(BUSY_WAIT_SECONDS)

    def _complete(self, entry: BatchEntry, target: ImportTarget, content: bytes) -> None:
        import_id = entry.import_id or 0
        status = self._wait(import_id)
        if target.confirm_email:
            self._confirm(entry, import_id)
        counters = self._counters(status, entry.rows)
        if entry.again:
            self._repeat_newer(entry, content, counters)
        else:
            self._ended.append((entry.id, counters))
        self._known[entry.number] = replace(entry, state="done")

    def _repeat_newer(self, entry: BatchEntry, content: bytes, counters: dict[str, int]) -> None:
        """Bring what was sent to the list later, of the same people, once more; then it is done."""
        seen = entry.id
        while not batches.done_unless_later(self.store, entry, counters, seen):
            for each in bodies.later(self.store, self.account, entry.list_id, seen):
                entry = self._repeated(entry, content, each)
                seen = each.id

    def _repeated(self, entry: BatchEntry, content: bytes, later: Later) -> BatchEntry:
        target, kept = ImportTarget(**later.target), self._read(later.stored)
        people = shared(content, kept) if kept is not None and target.is_idempotent else []
        if people:
            self.guard()
            entry = batches.repeated(self.store, entry, later.id, len(people))
            body = json.dumps(people, ensure_ascii=False, separators=(",", ":")).encode()
            self._wait(self._hand_in(target, body))
        return entry

    def _read(self, name: str) -> bytes | None:
        """A kept body; None where the storage has none, as its run was cut off before."""
        try:
            return self.storage().read(name)
        except RunStopped:
            return None

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
