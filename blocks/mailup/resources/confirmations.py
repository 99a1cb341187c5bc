"""The confirmation e-mail of an import: prepared by MailUp, sent by us."""

from collections.abc import Iterator

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.http.answers import Answer, whole_number
from blocks.mailup.http.session import Session
from blocks.mailup.pages.identities import by_id
from blocks.mailup.pages.objects import Fields
from blocks.mailup.pages.paging import pages

_QUEUES = "/Console/Email/Sendings"
SEND_ATTEMPTS = 3


def confirmation_sending(session: Session, import_id: int) -> int | None:
    """The id of the confirmation sending that MailUp prepared for an import, or None."""
    try:
        return session.read(f"/Console/Import/{import_id}/Sending", _sending_id)
    except MailUpRefused as refusal:
        if refusal.context.get("status") == 404:
            return None
        raise


def send_confirmation(session: Session, sending_id: int, *, repeated: bool = False) -> bool:
    """Send a prepared confirmation once; returns whether this call sent it.

    *repeated*: an earlier run may have sent it. Then, and after a lost answer, the sending is
    looked up first, and sent only if MailUp still shows it as not decided.
    """
    maybe_sent, by_us = repeated, False
    for _ in range(SEND_ATTEMPTS - 1):
        if maybe_sent and not _is_waiting(session, sending_id):
            return by_us
        try:
            return _send(session, sending_id)
        except MailUpUnavailable as failure:
            if not failure.context["maybe_accepted"]:
                raise
            maybe_sent = by_us = True
    return not _is_waiting(session, sending_id) or _send(session, sending_id)


def _send(session: Session, sending_id: int) -> bool:
    """Request MailUp to send now; returns True."""
    session.change("POST", f"{_QUEUES}/{sending_id}/Immediate", Answer.check)
    return True


def _is_waiting(session: Session, sending_id: int) -> bool:
    """Whether the sending is prepared but neither sent nor queued."""
    return sending_id in _queued(session, "Undefined")


def _queued(session: Session, queue: str) -> Iterator[int]:
    path = f"{_QUEUES}/{queue}"
    for items in pages(session, path, "idSending", identity=by_id("idsending", "id")):
        yield from (Fields(item, f"GET {path}").id("idSending", "Id") for item in items)


def _sending_id(answer: Answer) -> int | None:
    """The id in the answer; None for an empty body or an object without an id."""
    if not answer.body.strip():
        return None
    value = answer.json()
    if isinstance(value, dict):
        value = Fields(value, answer.doing).value("idSending", "Id")
    return whole_number(value, answer.doing) if value else None
