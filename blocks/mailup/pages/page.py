"""One page of MailUp's items, validated."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.answers import JsonObject, lowered, whole_or_zero
from blocks.mailup.pages.tables import Table

_PAGED = {"items", "pagesize"}
"""What only a page has."""


class PageWithoutItems(MailUpUnavailable):
    """A page that has no list of items, and does not say that there are none."""

    what_next = (
        "The next run continues from here. If MailUp still answers without items, give the message "
        "to its support."
    )


@dataclass(frozen=True)
class Page:
    """One page as answered; *size* and *total* are 0 if MailUp does not state them."""

    items: Sequence[JsonObject] = field(repr=False)
    size: int
    total: int

    @classmethod
    def read(cls, value: Any, doing: str = "A page of MailUp") -> "Page":
        """Read the envelope, or a bare array. `MailUpUnavailable` without a list of items, unless
        it is a page or they are null, and the total is 0."""
        if isinstance(value, list):
            return cls(items=value, size=0, total=0)
        keys = lowered(value) if isinstance(value, dict) else {}
        items = keys.get("items")
        none = keys.get("totalelementscount") in {0, "0"} and keys.keys() & _PAGED
        if none and (items is None or items == ""):
            items = []
        if not isinstance(items, list | Table):
            raise PageWithoutItems(
                f"{doing}: MailUp's answer is not a page: it has no list of Items."
            )
        return cls(
            items=items,
            size=whole_or_zero(keys.get("pagesize"), f"{doing}, field PageSize"),
            total=whole_or_zero(
                keys.get("totalelementscount"), f"{doing}, field TotalElementsCount"
            ),
        )

    def check(self, doing: str, done: int) -> None:
        """Raise if the page is empty although there are more than the *done* items before it."""
        if not self.items and self.total > done:
            self.fail(doing)

    def fail(self, doing: str) -> None:
        """Raise the error for a page that should not be empty."""
        raise MailUpUnavailable(f"{doing}: MailUp answered an empty page before the end.")
