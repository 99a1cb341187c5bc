"""E-mail messages of a list, and when they were sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from blocks.errors import MailUpUnavailable
from blocks.mailup.answers import JsonObject, lowered, text, whole, whole_or_zero
from blocks.mailup.frames import whole_or_none
from blocks.mailup.moments import moment
from blocks.mailup.paging import pages
from blocks.mailup.session import Session
from blocks.mailup.unpaged import whole_answer


@dataclass(frozen=True)
class Message:
    """A message of a list, e-mail or SMS.

    *created_at* is MailUp's text, "" where it tells none. *service_type*: 0 newsletter,
    1 transactional, more for custom set-ups, None where MailUp tells none.
    """

    id: int
    list_id: int
    subject: str
    created_at: str = ""
    service_type: int | None = None

    @classmethod
    def read(cls, value: object, list_id: int) -> Self:
        keys = _keys(value, "Message")
        return cls(
            id=whole(keys.get("idmessage"), "Message"),
            list_id=whole_or_zero(keys.get("idlist"), "Message") or list_id,
            subject=text(keys.get("subject")),
            created_at=moment(keys.get("creationdate")) or "",
            service_type=whole_or_none(keys.get("servicetype")),
        )


@dataclass(frozen=True)
class Sending:
    """One sending of a message. Dates are UTC texts (`2014-04-01 13:53:06Z`), "" for none.

    *finished* is false while MailUp shows no end; an answer without that field counts as finished.
    *id* is None where MailUp tells none.
    """

    started: str
    ended: str
    recipients: int
    finished: bool = True
    id: int | None = None

    @classmethod
    def read(cls, value: object) -> Self:
        keys = _keys(value, "Sending")
        ended = moment(keys.get("enddate")) or ""
        return cls(
            started=moment(keys.get("startdate")) or "",
            ended=ended,
            recipients=whole_or_zero(keys.get("recipients"), "Sending"),
            finished=bool(ended) or "enddate" not in keys,
            id=whole_or_none(keys.get("idsending", keys.get("id"))),
        )


def messages(session: Session, list_id: int) -> Iterator[list[Message]]:
    """The e-mail messages of a list, sent or not, page by page, by id."""
    for items in pages(session, f"/Console/List/{list_id}/Emails", "idMessage"):
        yield [Message.read(item, list_id) for item in items]


def send_history(session: Session, list_id: int, message_id: int) -> list[Sending]:
    """The sendings of a message, oldest first; the statistics do not tell them apart."""
    path = f"/Console/List/{list_id}/Email/{message_id}/SendHistory"
    found = [Sending.read(item) for items in whole_answer(session, path) for item in items]
    return sorted(found, key=lambda sending: sending.started)


def message_tags(session: Session, list_id: int, message_id: int) -> tuple[str, ...]:
    """The names of a message's campaign tags, in MailUp's order."""
    path = f"/Console/List/{list_id}/Email/{message_id}"
    tags = _keys(session.get(path), "Message").get("tags")
    names = [_tag_name(tag) for tag in tags] if isinstance(tags, list) else []
    return tuple(name for name in names if name)


def _tag_name(tag: Any) -> str:
    """A tag may come as an object with a name, or as the name alone."""
    return text(lowered(tag).get("name")) if isinstance(tag, dict) else text(tag)


def _keys(value: object, what: str) -> JsonObject:
    """The object's keys in lower case; anything but an object is an unusable answer."""
    if not isinstance(value, dict):
        raise MailUpUnavailable(f"{what}: MailUp's answer is not an object.")
    return lowered(value)
