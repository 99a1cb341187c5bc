"""Looks people up in a MailUp list: page by page, or one by one, whichever takes fewer calls.

After an import everybody whom MailUp accepted is in the list, whatever their status.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from blocks.errors import MailUpRefused
from blocks.mailup.client import MailUpClient
from blocks.mailup.http.wire import NoCallsLeft
from blocks.mailup.pages.filters import can_filter
from blocks.mailup.pages.page import PageWithoutItems
from blocks.mailup.resources.imports import Channel
from blocks.mailup.resources.models import Optin
from tasks.records.consent.apply import comparable

Statuses = dict[str, Optin]
"""MailUp's data of people in a list, by normalised address."""


class FilterIgnored(Exception):
    """MailUp answered with people who were not requested."""


@dataclass
class LookUp:
    """Looks people up with at most `calls` calls to MailUp."""

    client: MailUpClient
    calls: int

    def __post_init__(self) -> None:
        self._last = self.client.calls + self.calls

    def found(self, people: pl.DataFrame, list_id: int, channel: Channel) -> Statuses | None:
        """Those of `people` (`address`: normalised, `key`: for the filter) who are in the list.

        None if it would take too many calls.
        """
        try:
            with self.client.limited(self._last):
                return self._found(people, list_id, channel)
        except NoCallsLeft:
            return None

    def _found(self, people: pl.DataFrame, list_id: int, channel: Channel) -> Statuses | None:
        pages = -(-self.client.count_optins(list_id, channel) // self.client.session.page_size)
        filterable = all(map(can_filter, people["key"]))
        if filterable and people.height <= self._left() and not 0 < pages < people.height:
            try:
                return self._one_by_one(people, list_id, channel)
            except (MailUpRefused, PageWithoutItems, FilterIgnored):
                pass  # this MailUp does not support the filter
        return self._walked(people, list_id, channel) if pages <= self._left() else None

    def _left(self) -> int:
        return self._last - self.client.calls

    def _walked(self, people: pl.DataFrame, list_id: int, channel: Channel) -> Statuses:
        wanted, found = set(people["address"]), Statuses()
        for page in self.client.optins(list_id, channel):
            found |= {at: one for at, one in _addressed(page, channel) if at in wanted}
        return found

    def _one_by_one(self, people: pl.DataFrame, list_id: int, channel: Channel) -> Statuses:
        found = Statuses()
        for key, address in people.select("key", "address").iter_rows():
            answers = _addressed(self.client.find_optins(list_id, channel, key), channel)
            if not all(at.endswith(key) for at, _ in answers):
                raise FilterIgnored
            found |= {at: one for at, one in answers if at == address}
        return found


def _addressed(page: Iterable[Optin], channel: Channel) -> list[tuple[str, Optin]]:
    """People with their normalised addresses."""
    page = list(page)
    texts = [one.email if channel == "email" else one.prefix + one.number for one in page]
    spelled = pl.DataFrame({"address": texts}, schema={"address": pl.String})
    return list(zip(comparable(spelled.with_columns(channel=pl.lit(channel))), page, strict=True))
