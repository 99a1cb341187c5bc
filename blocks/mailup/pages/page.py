"""One page of MailUp's items, and whether it is one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.answers import JsonObject, lowered, whole_or_zero
from blocks.mailup.pages.tables import Table

_PAGED = {"items", "pagesize"}
"""What only a page has."""


@dataclass(frozen=True)
class Page:
    """One page as answered. *size* is 0 where none is told, *total* if unknown."""

    items: Sequence[JsonObject] = field(repr=False)
    size: int
    total: int

    @classmethod
    def read(cls, value: Any, doing: str = "A page of MailUp") -> "Page":
        """From the envelope, or from a bare array. Without a list of items it is no answer, unless
        it is a page, or has null for them, and says that there are none."""
        if isinstance(value, list):
            return cls(items=value, size=0, total=0)
        keys = lowered(value) if isinstance(value, dict) else {}
        items = keys.get("items")
        if items is None and keys.keys() & _PAGED and keys.get("totalelementscount") in {0, "0"}:
            items = []
        if not isinstance(items, list | Table):
            raise MailUpUnavailable(
                f"{doing}: MailUp's answer is no page, it has no list of Items.", no_items=True
            )
        return cls(
            items=items,
            size=whole_or_zero(keys.get("pagesize"), f"{doing}, field PageSize"),
            total=whole_or_zero(
                keys.get("totalelementscount"), f"{doing}, field TotalElementsCount"
            ),
        )

    def check(self, doing: str, done: int) -> None:
        """Raise where the page is empty although there is more than the *done* items before it."""
        if not self.items and self.total > done:
            self.fail(doing)

    def fail(self, doing: str) -> None:
        """The page should not have been empty."""
        raise MailUpUnavailable(f"{doing}: MailUp answered an empty page before the end.")
