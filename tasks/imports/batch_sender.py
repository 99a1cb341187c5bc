"""Sends a batch to MailUp so that it takes effect exactly once, even if runs are interrupted.

The ledger records `sending` before the request, `accepted` with MailUp's import id as soon as it is
known, and `done` when MailUp has completed the import. A batch found as `accepted` is only waited
for; therefore `done` may be committed together with the next batch's `sending`, which saves a
commit. Only MailUp's answer proves that an import is ours. A batch found as `sending` is sent again
if MailUp has no import that may be this batch, or if that is harmless (`unproven`). Then newer
values that were sent to the list for the same people are repeated after it.
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
from tasks.imports.unproven import ResendCheck, shared

LOOK_UP_DELAY_SECONDS = 5.0
"""Delay before searching an import, because MailUp shows new imports late."""
BUSY_WAIT_SECONDS = 10.0
"""Delay when MailUp rejects an import because another one is running."""


TAKEOVER_WAIT_SECONDS = 180.0
"""How long a run waits after a standstill, for the run that took over, to repair its effect."""


class PlanChanged(Exception):
    """A batch differs from the one that an earlier run began to send under the same number."""


@dataclass(frozen=True)
class BatchRequest:
    """A batch ready to be sent: its number in the file, its encoded recipients and their target."""

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
        """A request with its hash."""
        digest = hashlib.sha256(f"{target.path} {target.params} ".encode() + content)
        return cls(number, rows, content, digest.hexdigest(), target, purpose)


class Queue(Protocol):
    """The account's queue; `yield_to_others` lets waiting imports of others go first."""

    def yield_to_others(self) -> None: ...


@dataclass
class BatchSender:
    """Sends the batches of one attempt at a file.

    While the lease of `guard` is held, no other run writes to the file's batches. `account`
    identifies the account in the ledger; `storage` opens the ledger's storage. Call `finish` at the
    end.
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
    resend_check: ResendCheck
    sleep: Callable[[float], None] = time.sleep
    meanwhile: Callable[[], None] = nothing

    def __post_init__(self) -> None:
        known = batches.of_file(self.store, self.file_id, self.attempt)
        self._known = {each.number: replace(each, account=self.account) for each in known}
        self._completed: list[tuple[int, dict[str, int]]] = []

    def send(self, request: BatchRequest, *, newest_import: int) -> None:
        """Send a batch and wait until MailUp has completed it, unless that is already recorded.

        `newest_import` is the highest import id before: ours is higher. PlanChanged if an earlier
        run sent another batch under this number; MaybeSent if MailUp may already have it and
        sending it again may do harm.
        """
        entry = self._known.get(request.number)
        if entry is not None and entry.sha256 != request.sha256:
            raise PlanChanged
        if entry is not None and entry.state == "done":
            return
        self.queue.yield_to_others()
        if entry is None:
            entry = self._record_before_sending(request, newest_import)
            accepted = self._start(entry, request.target, request.content)
        else:
            self.guard()
            accepted = entry if entry.state == "accepted" else self._resend(entry, request)
        self._complete(accepted, request.target, request.content)

    def finish_stored(self, entry: BatchEntry) -> None:
        """Complete a batch that cannot be made again, from its stored body."""
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
        """Record batches completed since the last commit, and delete outdated bodies."""
        if self._completed:
            batches.done(self.store, self._completed)
            self._completed = []
        for each in bodies.outdated(self.store, self.account):
            self.storage().remove(each.stored)
            bodies.removed(self.store, each.id)

    def finish_abandoned(self, entry: BatchEntry) -> None:
        """Wait until MailUp has completed a batch of an abandoned plan; it is not sent again."""
        entry, target = replace(entry, account=self.account), ImportTarget(**entry.target)
        if entry.state == "accepted":
            self._complete(entry, target, b"[]")
            self.finish()
        elif entry.state == "sending":
            self._possible_imports(entry, target)

    def _record_before_sending(self, request: BatchRequest, newest_import: int) -> BatchEntry:
        entry = batches.write_ahead(
            self.store, self.file_id, self.attempt, request.number,
            target=asdict(request.target), rows=request.rows, sha256=request.sha256,
            after_import=newest_import, purpose=request.purpose, account=self.account,
            lease=self.guard.lease, ended=self._completed,
        )  # fmt: skip
        self._completed = []
        if entry.stored:
            self.storage().write(request.content, entry.stored)
        return entry

    def _resend(self, entry: BatchEntry, request: BatchRequest) -> BatchEntry:
        """Send a batch again that an earlier run began to send, if that is harmless."""
        possible = self._possible_imports(entry, request.target)
        if possible:
            newer = self._unrepeatable(entry, request.content)
            self.resend_check.require_harmless(
                entry, request.target, request.content, possible, newer
            )
            self.guard()
        entry = batches.sending_again(self.store, entry, possible=[each.id for each in possible])
        return self._start(entry, request.target, request.content)

    def _possible_imports(self, entry: BatchEntry, target: ImportTarget) -> list[ImportDetail]:
        """The completed imports that may be this batch."""
        self.sleep(LOOK_UP_DELAY_SECONDS)
        others = batches.claimed_imports(self.store, self.file_id, entry)
        candidates = self.client.possible_imports(
            target, entry.rows, after_id=entry.after_import, not_ids=others
        )
        for each in candidates:
            if not each.is_over:
                self._wait(each.id)
        details = [self.client.import_detail(each.id) for each in candidates]
        return [each for each in details if may_be(each, target, entry.rows)]

    def _unrepeatable(self, entry: BatchEntry, content: bytes) -> str:
        """Why newer values of the same people could not be sent again; "" if they can."""
        where = (self.account, entry.list_id, entry.id)
        if bodies.unknown_later(self.store, self.file_id, *where):
            return (
                "later batches to the list may have newer values, and their bodies are not stored"
            )
        for each in bodies.later(self.store, *where):
            kept, plain = self._read(each.stored), ImportTarget(**each.target).is_idempotent
            if kept is None and each.state != "sending":
                return "the ledger's storage lacks a later batch to the list"
            if kept is not None and not plain and shared(content, kept):
                return "a later batch to the list, which is not a plain import, has the same people"
        return ""

    def _wait(self, import_id: int) -> ImportStatus:
        return self.client.wait_for_import(
            import_id, timeout_seconds=self.import_timeout_seconds, meanwhile=self.meanwhile
        )

    def _start(self, entry: BatchEntry, target: ImportTarget, content: bytes) -> BatchEntry:
        """Start the import of a batch and record MailUp's answer.

        After a standstill, other runs may have sent to the list: their newer values are sent again
        after this batch. RunStopped if another run has taken over the file.
        """
        try:
            import_id = self._start_import(target, content)
        except MailUpUnavailable as failure:
            if failure.context.get("maybe_accepted") and self._is_taken_over():
                self._repair_and_stop(entry, target, content, None)
            raise
        if self._is_taken_over():
            self._repair_and_stop(entry, target, content, import_id)
        if self.guard.stood_still:
            entry = batches.sending_again(self.store, entry, possible=())
        return batches.accepted(self.store, entry, import_id)

    def _is_taken_over(self) -> bool:
        return self.guard.stood_still and not leases.holds(self.store, self.guard.lease)

    def _repair_and_stop(
        self, entry: BatchEntry, target: ImportTarget, content: bytes, import_id: int | None
    ) -> NoReturn:
        """Repair the effect of a request that was sent while another run held the lease.

        The request is recorded first. Newer values are sent again once the lease is free.
        """
        batches.woken(self.store, entry, import_id)
        try:
            name = self.guard.lease.name
            with leases.held(self.store, name, wait_seconds=TAKEOVER_WAIT_SECONDS) as lease:
                self.guard.lease = lease
                why = self._resend_newer(entry, target, content, import_id)
        except LeaseHeld:
            why = "another run of the client has not ended"
        result = f"could not all be sent again: {why}" if why else "was sent again"
        raise RunStopped(
            f"This run stood still while it sent batch {entry.number}, and another run took over. "
            f"MailUp accepted the batch (import {import_id or 'unknown'}); newer data of the same "
            f"people in list {entry.list_id} {result}. "
            + (
                "Import the newest file of each client of that list again, with release=true and "
                "send_all=true."
                if why
                else ""
            )
        )

    def _resend_newer(
        self, entry: BatchEntry, target: ImportTarget, content: bytes, import_id: int | None
    ) -> str:
        """Send newer values again; return why that was not possible for all, or ""."""
        if import_id is None:
            self._possible_imports(entry, target)
        else:
            self._wait(import_id)
        why = self._unrepeatable(entry, content)
        for each in bodies.later(self.store, self.account, entry.list_id, entry.id):
            entry = self._repeated(entry, content, each)
        return why

    def _start_import(self, target: ImportTarget, content: bytes) -> int:
        end = time.monotonic() + self.import_timeout_seconds
        while True:
            try:
                return self.client.start_import(target, content)
            except MailUpUnavailable as error:
                if not error.context.get("busy") or time.monotonic() > end:
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
            self._completed.append((entry.id, counters))
        self._known[entry.number] = replace(entry, state="done")

    def _repeat_newer(self, entry: BatchEntry, content: bytes, counters: dict[str, int]) -> None:
        """Send newer values of the same people in the list again; then mark the batch as done."""
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
            self._wait(self._start_import(target, body))
        return entry

    def _read(self, name: str) -> bytes | None:
        """A stored body; None if its run was interrupted before it was stored."""
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
        """MailUp's counters of a completed import; `rows` is how many it received."""
        given = status.valid + status.not_valid
        if given != rows:
            # Some counters omit repeated addresses; the history counts every row.
            given = self.client.import_detail(status.id).rows_total
        return {
            "rows": given,
            "created": status.created,
            "updated": status.updated,
            "valid": status.valid,
            "not_valid": status.not_valid,
        }
