"""Requests single pages from MailUp, with a limited number of calls."""

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
"""The lowest HTTP status of a failure of MailUp itself."""


@dataclass(frozen=True)
class Reply:
    """One page as MailUp answered it; `refused`: its HTTP status if refused, else 0.

    `envelope`: the keys of the envelope in lower case; empty if there is none.
    """

    items: list[JsonObject] = field(default_factory=list, repr=False)
    size: int = 0
    total: int = 0
    seconds: float = 0.0
    refused: int = 0
    envelope: tuple[str, ...] = ()

    @classmethod
    def read(cls, answer: object, seconds: float) -> "Reply":
        """Parse any answer: a page, a bare array, or one object. Nothing is an error, because the
        form of the answer is what is checked."""
        keys = lowered(answer) if isinstance(answer, dict) else {}
        paged = "items" in keys or "totalelementscount" in keys
        found = (keys.get("items") or []) if paged else answer
        listed = found if isinstance(found, list) else [found]
        items = [item for item in listed if isinstance(item, dict)]
        size, total = (whole_or_none(keys.get(key)) for key in ("pagesize", "totalelementscount"))
        return cls(items, size or 0, total or 0, seconds, envelope=tuple(keys) if paged else ())

    @property
    def names(self) -> str:
        """Names of the fields as received; what is not a name is only counted."""
        return listed_names(name for item in self.items for name in item)

    def with_items_of(self, other: "Reply") -> "Reply":
        """This page with the items of another page appended."""
        return replace(self, items=[*self.items, *other.items])

    def values(self, name: str) -> list[Any]:
        """Values of one field (case-insensitive) over all items, without empty ones."""
        found = [lowered(item).get(name.lower()) for item in self.items]
        return [value for value in found if value not in (None, "")]


class Asking:
    """A client with at most `calls` more calls, log-ins and retries included."""

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
        """Request the first page of a resource, or another one given by `more`; may raise
        NoCallsLeft.

        Temporary errors are raised; with `failing`, server errors are returned as an answer.
        """
        client = self._client
        session = client.session if of == "console" else client.statistics_session
        parameters = {"PageNumber": "0", "PageSize": str(size), **(more or {})}
        began = time.monotonic()
        try:
            with client.limited(self._last):
                answer = session.get(path, parameters, repeat_timeouts=False)
        except MailUpRefused as error:
            return Reply(refused=int(error.context.get("status") or 400))
        except MailUpUnavailable as error:
            status = int(error.context.get("status") or 0)
            if not (failing and status >= FAILED):
                raise
            return Reply(refused=status)
        return Reply.read(answer, time.monotonic() - began)


@dataclass(frozen=True)
class About:
    """One list of one account that questions are about; creates the notes."""

    subject: Subject
    asking: Asking
    list_id: int

    @property
    def optins(self) -> str:
        """The subscriptions of the list."""
        return f"/Console/List/{self.list_id}/Recipients/EmailOptins"

    def settled(self, what: str, facts: str) -> Finding:
        """A note about what was determined."""
        return self.subject.note(f"API: {what}", f"settled: {facts}")

    def open(self, what: str, reason: str) -> Finding:
        """A note about what could not be determined, and why."""
        return self.subject.note(f"API: {what}", f"cannot be determined: {reason}")

    def unanswered(self, what: str, reply: Reply, reason: str) -> Finding:
        """A note for a reply without items: refused, or empty."""
        refused = f"MailUp answers {reply.refused}"
        return self.open(what, refused if reply.refused else reason)


def listed_names(names: Iterable[str]) -> str:
    """Sorted names; a key that does not look like a name may be a value and is only counted."""
    found = sorted(set(names))
    shown = [each for each in found if _NAME.fullmatch(each)]
    hidden = len(found) - len(shown)
    return ", ".join([*shown, *([f"{hidden} of another form"] if hidden else [])])


def codes(values: Iterable[Any]) -> str:
    """Sorted codes, such as `OPTIN, OPTOUT`; anything else is only counted."""
    found = sorted({str(value) for value in values})
    shown = [each for each in found if len(each) <= 20 and each.replace("_", "").isalnum()]
    hidden = len(found) - len(shown)
    parts = [*shown[:12], *([f"{hidden} of another form"] if hidden else [])]
    return ", ".join(parts) or "none seen"
