"""E-mail messages of a list, their sendings and tags."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

from blocks.mailup.http.answers import lowered, text
from blocks.mailup.http.session import Session
from blocks.mailup.pages.frames import whole_or_none
from blocks.mailup.pages.objects import Fields
from blocks.mailup.pages.paging import pages
from blocks.mailup.pages.unpaged import whole_answer


@dataclass(frozen=True)
class Message:
    """A message of a list, e-mail or SMS."""

    id: int
    list_id: int
    subject: str

    @classmethod
    def read(cls, value: object, list_id: int, call: str = "MailUp") -> Self:
        fields = Fields(value, call)
        return cls(
            id=fields.id("idMessage"),
            list_id=fields.count("idList") or list_id,
            subject=fields.text("Subject"),
        )


@dataclass(frozen=True)
class Sending:
    """One sending of a message. Dates are UTC texts (`2014-04-01 13:53:06Z`), "" for none.

    *finished* is false while EndDate is empty; an answer without that field counts as finished.
    *id* is None if MailUp gives none.
    """

    started: str
    ended: str
    recipients: int
    finished: bool = True
    id: int | None = None

    @classmethod
    def read(cls, value: object, call: str = "MailUp") -> Self:
        fields = Fields(value, call)
        ended = fields.date("EndDate")
        return cls(
            started=fields.date("StartDate"),
            ended=ended,
            recipients=fields.count("Recipients"),
            finished=bool(ended) or not fields.has("EndDate"),
            id=whole_or_none(fields.value("idSending", "Id")),
        )


def messages(session: Session, list_id: int) -> Iterator[list[Message]]:
    """The e-mail messages of a list, sent or not, page by page, by id."""
    path = f"/Console/List/{list_id}/Emails"
    for items in pages(session, path, "idMessage"):
        yield [Message.read(item, list_id, f"GET {path}") for item in items]


def send_history(session: Session, list_id: int, message_id: int) -> list[Sending]:
    """The sendings of a message, oldest first; the statistics do not distinguish them."""
    path = f"/Console/List/{list_id}/Email/{message_id}/SendHistory"
    found = chain.from_iterable(whole_answer(session, path))
    sendings = [Sending.read(item, f"GET {path}") for item in found]
    return sorted(sendings, key=lambda sending: sending.started)


def message_tags(session: Session, list_id: int, message_id: int) -> tuple[str, ...]:
    """The names of a message's campaign tags, in MailUp's order."""
    path = f"/Console/List/{list_id}/Email/{message_id}"
    tags = Fields(session.get(path), f"GET {path}").value("Tags")
    names = [_tag_name(tag) for tag in tags] if isinstance(tags, list) else []
    return tuple(name for name in names if name)


def _tag_name(tag: Any) -> str:
    """The name of a tag, which is an object with a name, or the name itself."""
    return text(lowered(tag).get("name")) if isinstance(tag, dict) else text(tag)
