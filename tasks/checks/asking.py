"""Asking MailUp for single pages, within a number of calls."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.client import MailUpClient
from blocks.mailup.http.answers import JsonObject, lowered
from blocks.mailup.pages.frames import whole_or_none
from tasks.checks.findings import Finding, Subject

Service = Literal["console", "statistics"]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")
FAILED = 500
"""The lowest status that says that MailUp itself failed."""


class NoCallsLeft(Exception):
    """The number of calls that a check may make is used up."""


@dataclass(frozen=True)
class Reply:
    """One page as MailUp answered it; `refused` its status where it did not, 0 otherwise.

    `told` are the keys of the envelope in lower case, none where the answer is none.
    """

    items: list[JsonObject] = field(default_factory=list, repr=False)
    size: int = 0
    total: int = 0
    seconds: float = 0.0
    refused: int = 0
    told: tuple[str, ...] = ()

    @classmethod
    def read(cls, answer: object, seconds: float) -> "Reply":
        """Whatever came: a page, a bare array, or one object. Nothing of it is taken for wrong:
        how MailUp answers is what is asked."""
        keys = lowered(answer) if isinstance(answer, dict) else {}
        paged = "items" in keys or "totalelementscount" in keys
        found = (keys.get("items") or []) if paged else answer
        listed = found if isinstance(found, list) else [found]
        items = [item for item in listed if isinstance(item, dict)]
        size, total = (whole_or_none(keys.get(key)) for key in ("pagesize", "totalelementscount"))
        return cls(items, size or 0, total or 0, seconds, told=tuple(keys) if paged else ())

    @property
    def names(self) -> str:
        """Names of the fields, spelled as they came; what is no name is only counted."""
        return listed_names(name for item in self.items for name in item)

    def with_items_of(self, other: "Reply") -> "Reply":
        """The same with the items of another page behind its own."""
        return replace(self, items=[*self.items, *other.items])

    def values(self, name: str) -> list[Any]:
        """What the items hold in one field, whatever its letter case; empties left out."""
        found = [lowered(item).get(name.lower()) for item in self.items]
        return [value for value in found if value not in (None, "")]


class Asking:
    """A client that may be asked for `calls` more answers, log-ins and repeats included."""

    def __init__(self, client: MailUpClient, calls: int) -> None:
        self._client = client
        self._last = client.calls + calls

    def page(
        self,
        path: str,
        size: int,
        more: Mapping[str, str] | None = None,
        *,
        of: Service = "console",
        failing: bool = False,
    ) -> Reply:
        """The first page of a resource, or another one that `more` names. NoCallsLeft.

        Errors that may pass are raised, unless a `failing` MailUp is an answer, too.
        """
        if self._client.calls >= self._last:
            raise NoCallsLeft
        client = self._client
        session = client.session if of == "console" else client.statistics_session
        asked = {"PageNumber": "0", "PageSize": str(size), **(more or {})}
        began = time.monotonic()
        try:
            answer = session.get(path, asked, repeat_timeouts=False)
        except MailUpRefused as refusal:
            return Reply(refused=int(refusal.context.get("status") or 400))
        except MailUpUnavailable as failure:
            status = int(failure.context.get("status") or 0)
            if not (failing and status >= FAILED):
                raise
            return Reply(refused=status)
        return Reply.read(answer, time.monotonic() - began)


@dataclass(frozen=True)
class About:
    """One list of one account that is asked about; makes the notes that answer."""

    subject: Subject
    asking: Asking
    list_id: int

    @property
    def optins(self) -> str:
        """The subscriptions of the list."""
        return f"/Console/List/{self.list_id}/Recipients/EmailOptins"

    def settled(self, what: str, facts: str) -> Finding:
        """What was found out."""
        return self.subject.note(f"API: {what}", f"settled: {facts}")

    def open(self, what: str, reason: str) -> Finding:
        """What could not be found out, and why."""
        return self.subject.note(f"API: {what}", f"not to be told from here: {reason}")

    def unanswered(self, what: str, reply: Reply, reason: str) -> Finding:
        """The same for a reply without items: refused, or nothing there."""
        refused = f"MailUp answers {reply.refused}"
        return self.open(what, refused if reply.refused else reason)


def listed_names(names: Iterable[str]) -> str:
    """Names in their order; a key that does not look like a name may be a value, and is counted."""
    found = sorted(set(names))
    shown = [each for each in found if _NAME.fullmatch(each)]
    hidden = len(found) - len(shown)
    return ", ".join([*shown, *([f"{hidden} of another form"] if hidden else [])])


def codes(values: Iterable[Any]) -> str:
    """Codes and words of a short list, such as `OPTIN, OPTOUT`; anything else only counted."""
    found = sorted({str(value) for value in values})
    shown = [each for each in found if len(each) <= 20 and each.replace("_", "").isalnum()]
    hidden = len(found) - len(shown)
    parts = [*shown[:12], *([f"{hidden} of another form"] if hidden else [])]
    return ", ".join(parts) or "none seen"
