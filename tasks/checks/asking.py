"""Asking MailUp for single pages, within a number of calls."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from blocks.errors import MailUpRefused
from blocks.mailup.answers import JsonObject, lowered
from blocks.mailup.client import MailUpClient
from blocks.mailup.paging import Page
from tasks.checks.findings import Finding, Subject

Service = Literal["console", "statistics"]


class NoCallsLeft(Exception):
    """The number of calls that a check may make is used up."""


@dataclass(frozen=True)
class Reply:
    """One page as MailUp answered it; `refused` its status where it did not, 0 otherwise."""

    items: list[JsonObject] = field(default_factory=list, repr=False)
    size: int = 0
    total: int = 0
    seconds: float = 0.0
    refused: int = 0

    @property
    def names(self) -> str:
        """Names of the fields, spelled as they came."""
        return ", ".join(sorted({name for item in self.items for name in item}))

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
    ) -> Reply:
        """The first page of a resource. NoCallsLeft; errors that may pass are raised."""
        if self._client.calls >= self._last:
            raise NoCallsLeft
        client = self._client
        session = client.session if of == "console" else client.statistics_session
        began = time.monotonic()
        try:
            answer = session.get(
                path,
                {"PageNumber": "0", "PageSize": str(size), **(more or {})},
                repeat_timeouts=False,
            )
        except MailUpRefused as refusal:
            return Reply(refused=int(refusal.context.get("status") or 400))
        page = Page.read(answer if _is_paged(answer) else [answer])
        items = [item for item in page.items if isinstance(item, dict)]
        return Reply(items, page.size, page.total, time.monotonic() - began)


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


def _is_paged(answer: object) -> bool:
    return isinstance(answer, list) or (isinstance(answer, dict) and "items" in lowered(answer))


def codes(values: Iterable[Any]) -> str:
    """Codes and words of a short list, such as `OPTIN, OPTOUT`; anything else only counted."""
    found = sorted({str(value) for value in values})
    shown = [each for each in found if len(each) <= 20 and each.replace("_", "").isalnum()]
    hidden = len(found) - len(shown)
    parts = [*shown[:12], *([f"{hidden} of another form"] if hidden else [])]
    return ", ".join(parts) or "none seen"
