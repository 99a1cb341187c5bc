"""Looking people up in a list: walking through the whole of it, or asking for each of them.

The one that takes fewer calls is gone, within a bound. After an import everybody whom MailUp
accepted is in the list, whatever their status.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from blocks.errors import MailUpRefused
from blocks.mailup.client import MailUpClient
from blocks.mailup.pages.filters import can_filter
from blocks.mailup.pages.page import PageWithoutItems
from blocks.mailup.resources.imports import Channel
from blocks.mailup.resources.models import Optin
from tasks.records.consent.apply import comparable

Statuses = dict[str, Optin]
"""What MailUp tells of people who are in a list, by address in the form for comparing."""


class _FilterIgnored(Exception):
    """MailUp answered with people who were not asked for."""


@dataclass
class LookUp:
    """Looks people up; `calls` is how many more calls to MailUp may be made."""

    client: MailUpClient
    calls: int

    def __post_init__(self) -> None:
        self._last = self.client.calls + self.calls

    def found(self, people: pl.DataFrame, list_id: int, channel: Channel) -> Statuses | None:
        """Those of `people` (`address` to compare by, `key` to ask for) who are in the list.

        None where it takes too many calls to say.
        """
        if self._left() < 1:
            return None
        pages = -(-self.client.count_optins(list_id, channel) // self.client.session.page_size)
        askable = all(map(can_filter, people["key"]))
        if askable and people.height <= self._left() and not 0 < pages < people.height:
            try:
                return self._asked_for(people, list_id, channel)
            except (MailUpRefused, PageWithoutItems, _FilterIgnored):
                pass  # this MailUp knows no such filter: the walk does without
        return self._walked(people, list_id, channel) if pages <= self._left() else None

    def _left(self) -> int:
        return self._last - self.client.calls

    def _walked(self, people: pl.DataFrame, list_id: int, channel: Channel) -> Statuses | None:
        wanted, there = set(people["address"]), Statuses()
        for page in self.client.optins(list_id, channel):
            there |= {at: one for at, one in _addressed(page, channel) if at in wanted}
            if self._left() < 1:
                return None
        return there

    def _asked_for(self, people: pl.DataFrame, list_id: int, channel: Channel) -> Statuses | None:
        there = Statuses()
        for key, address in people.select("key", "address").iter_rows():
            if self._left() < 1:
                return None
            answers = _addressed(self.client.find_optins(list_id, channel, key), channel)
            if not all(at.endswith(key) for at, _ in answers):
                raise _FilterIgnored
            there |= {at: one for at, one in answers if at == address}
        return there


def _addressed(page: Iterable[Optin], channel: Channel) -> list[tuple[str, Optin]]:
    """These people with how MailUp spells them, in the form for comparing."""
    page = list(page)
    texts = [one.email if channel == "email" else one.prefix + one.number for one in page]
    spelled = pl.DataFrame({"address": texts}, schema={"address": pl.String})
    return list(zip(comparable(spelled.with_columns(channel=pl.lit(channel))), page, strict=True))
