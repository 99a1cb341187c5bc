"""Asynchronous imports: start, find after a lost answer, wait for the end."""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from blocks.errors import ConfigurationError, ImportUnfinished, MailUpRefused
from blocks.mailup.http.answers import Answer
from blocks.mailup.http.session import Session
from blocks.mailup.pages.paging import pages
from blocks.mailup.resources.models import ImportDetail, ImportStatus, id_of_import

Channel = Literal["email", "sms"]
ImportType = Literal["default", "optin", "optout"]

# Slow, because the account is limited to 5 calls per second.
IMPORT_POLL_SECONDS = 2.0
HISTORY_PAGE = 50
LATE_SECONDS = 60.0
"""How long MailUp may answer 404 for an import that it has accepted."""
COUNTING_POLLS = 5
"""How often a completed import without counters is polled again."""


@dataclass(frozen=True, kw_only=True)
class ImportTarget:
    """Destination and options of an import. The default changes no existing status."""

    list_id: int
    group_id: int | None = None
    channel: Channel = "email"
    import_type: ImportType = "default"
    confirm_email: bool = False
    clear_missing_fields: bool = False
    replace_groups: bool = False

    def __post_init__(self) -> None:
        if self.replace_groups and self.group_id is None:
            raise ConfigurationError("replace_groups needs a group: name one, or turn it off.")
        if self.confirm_email and self.channel == "sms":
            raise ConfigurationError("confirm_email works for e-mail only: turn it off for SMS.")
        if self.confirm_email and self.import_type != "default":
            raise ConfigurationError(
                "confirm_email asks people for consent, an opt-in or opt-out import sets it: use "
                "one of the two."
            )

    @property
    def is_idempotent(self) -> bool:
        """Whether sending it twice has the same result as once, if nobody is deleted meanwhile."""
        return self.import_type == "default" and not (
            self.confirm_email or self.clear_missing_fields or self.replace_groups
        )

    @property
    def path(self) -> str:
        """The resource that accepts the recipients."""
        channel = "/Console/Sms" if self.channel == "sms" else "/Console"
        if self.group_id is not None:
            return f"{channel}/Group/{self.group_id}/Recipients"
        return f"{channel}/List/{self.list_id}/Recipients"

    @property
    def params(self) -> dict[str, str]:
        """The query parameters; defaults are omitted."""
        chosen = {
            "ConfirmEmail": self.confirm_email,
            "clearMissingOrEmptyFields": self.clear_missing_fields,
            "removeFromPrevGroups": self.replace_groups,
        }
        params = {name: "true" for name, wanted in chosen.items() if wanted}
        if self.import_type != "default":
            params["importType"] = {"optin": "asOptin", "optout": "asOptout"}[self.import_type]
        return params


def start_import(session: Session, target: ImportTarget, body: bytes) -> int:
    """Send a JSON array of recipients once; returns the import id.

    Raises `MailUpUnavailable`: with `context["maybe_accepted"]` the import may exist, check
    `possible_imports` before sending again; with `context["busy"]` another import has to end first.
    """

    def understand(answer: Answer) -> int:
        return id_of_import(answer.json())

    return session.change("POST", target.path, understand, params=target.params, body=body)


def latest_import_id(session: Session) -> int:
    """The highest import id of the account, 0 if there is none."""
    highest = 0
    for details in _history_pages(session):
        ids = [detail.id for detail in details]
        highest = max(highest, *ids)
        if len(ids) > 1 and _fall(ids):
            break
    return highest


def possible_imports(
    session: Session,
    target: ImportTarget,
    rows: int,
    *,
    after_id: int,
    not_ids: Collection[int] = (),
) -> list[ImportDetail]:
    """Imports that may be the one of *rows* rows sent to *target*, oldest first.

    None proves that it never arrived; one proves nothing, because others may have made it.
    *after_id*: the highest id before sending. *not_ids*: imports known to be others. Imports
    appear with a delay: wait some seconds first.
    """
    newer = [each for each in _history(session, after_id=after_id) if each.id not in not_ids]
    found = {each.id: each for each in newer if may_be(each, target, rows)}
    details = [_in_full(session, found[each]) for each in sorted(found)]
    return [each for each in details if may_be(each, target, rows)]


def _in_full(session: Session, listed: ImportDetail) -> ImportDetail:
    """An import with all details; as listed if MailUp does not show it yet."""
    try:
        return import_detail(session, listed.id)
    except MailUpRefused as refusal:
        if refusal.context.get("status") != 404:
            raise
        return listed


def may_be(detail: ImportDetail, target: ImportTarget, rows: int) -> bool:
    """Whether no field of an import contradicts that it is the one sent to *target*.

    Missing fields are ignored; so is a file name, because imports by API may have one.
    """
    return (
        detail.list_id in {0, target.list_id}
        and (not detail.group_ids or detail.group_ids == (target.group_id,))
        and not (detail.as_unsubscribed and target.import_type != "optout")
        and not (detail.sends_confirmation and not target.confirm_email)
        and not (detail.replaces_groups and not target.replace_groups)
        and _may_count(detail, target, rows)
    )


def _may_count(detail: ImportDetail, target: ImportTarget, rows: int) -> bool:
    """Whether the count fits. MailUp counts late and may omit rows, so fewer rows exclude an
    import only if sending again is safe."""
    fewer = 0 < detail.rows_total < rows and detail.is_over
    return detail.rows_total <= rows and not (fewer and target.is_idempotent)


def _history(session: Session, *, after_id: int) -> Iterator[ImportDetail]:
    """Imports with a higher id than *after_id*, newest first if MailUp sorts.

    Stops early only if the ids are falling; in another order all imports are read.
    """
    falling = True
    last: list[int] = []
    for details in _history_pages(session):
        ids = [detail.id for detail in details]
        falling = falling and _fall([*last, *ids])
        last = ids[-1:]
        yield from (detail for detail in details if detail.id > after_id)
        if falling and ids[-1] <= after_id:
            return


def _history_pages(session: Session) -> Iterator[list[ImportDetail]]:
    """All imports of the account, page by page, newest first if MailUp sorts."""
    found = pages(session, "/Console/Imports", "IdImport", descending=True, page_size=HISTORY_PAGE)
    for items in found:
        yield [ImportDetail.read(item, "GET /Console/Imports") for item in items]


def _fall(ids: list[int]) -> bool:
    return all(left >= right for left, right in pairwise(ids))


def import_status(session: Session, import_id: int) -> ImportStatus:
    """The counters of an import."""
    return session.read(
        f"/Console/Import/{import_id}",
        lambda answer: ImportStatus.read(answer.json(), answer.doing),
    )


def import_detail(session: Session, import_id: int) -> ImportDetail:
    """One import of the account's history, with its row counts."""
    return session.read(
        f"/Console/Imports/{import_id}",
        lambda answer: ImportDetail.read(answer.json(), answer.doing),
    )


def _status_once_shown(
    session: Session, import_id: int, *, may_be_late: bool
) -> ImportStatus | None:
    """The counters; None if MailUp does not show a newly accepted import yet."""
    try:
        return import_status(session, import_id)
    except MailUpRefused as refusal:
        if refusal.context.get("status") != 404 or not may_be_late:
            raise
        return None


def nothing() -> None:
    """Do nothing: the default while waiting for an import."""


def wait_for_import(
    session: Session,
    import_id: int,
    *,
    timeout_seconds: float,
    poll_seconds: float = IMPORT_POLL_SECONDS,
    meanwhile: Callable[[], None] = nothing,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> ImportStatus:
    """Poll until MailUp has completed the import; `ImportUnfinished` after *timeout_seconds*.

    Each wait is half of the time so far, *poll_seconds* at most, so that small imports are noticed
    soon. *meanwhile* is called instead of waiting. Counters may appear after the end: without any,
    the import is polled some more times.
    """
    begun, uncounted = clock(), 0
    while True:
        status = _status_once_shown(session, import_id, may_be_late=clock() - begun < LATE_SECONDS)
        if status is not None and status.completed:
            if status.valid or status.not_valid or uncounted >= COUNTING_POLLS:
                return status
            uncounted += 1
        meanwhile()
        taken = clock() - begun
        wait = poll_seconds if uncounted else min(taken / 2, poll_seconds)
        if taken + wait > timeout_seconds:
            # Not retried: other imports of the account have been waiting for it.
            raise ImportUnfinished(
                f"MailUp has not completed import {import_id} after {timeout_seconds:g} seconds "
                "(import_timeout_seconds on the MailUpAccount block).",
                import_id=import_id,
            )
        if meanwhile is nothing:
            sleep(wait)
