"""Request the pages of a resource in a stable order, to the end."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from blocks.errors import MailUpRefused, MailUpUnavailable
from blocks.mailup.http.answers import Answer, JsonObject
from blocks.mailup.http.parsing import parsed
from blocks.mailup.http.session import Session
from blocks.mailup.pages.filters import orderby
from blocks.mailup.pages.identities import ItemIdentity, by_id
from blocks.mailup.pages.page import Page
from blocks.mailup.pages.walking import SMALLEST_PAGE, may_be_refused, walk


def pages(
    session: Session,
    path: str,
    order_field: str,
    *,
    identity: ItemIdentity | None = None,
    descending: bool = False,
    params: Mapping[str, str] | None = None,
    page_size: int | None = None,
    read: Callable[[bytes], Any] = parsed,
) -> Iterator[Sequence[JsonObject]]:
    """Walk a console resource, sorted where MailUp supports it.

    *identity* identifies the items; by default it is the id in *order_field*. *read* parses the
    body: with `tables.tabled`, items with the same keys are returned as a table.
    """
    source = _Source(session, path, orderby(order_field, descending=descending), params or {}, read)
    known = identity or by_id(order_field.lower())
    return walk(source.page, page_size or session.page_size, known, source.doing)


def first_page(session: Session, path: str, params: Mapping[str, str]) -> Page:
    """One page, of a size that any MailUp answers, for results that fit into one: a search."""
    size = min(session.page_size, SMALLEST_PAGE)
    return _Source(session, path, {}, params, parsed).page(0, size)


@dataclass
class _Source:
    """A resource of which pages are requested."""

    session: Session
    path: str
    order: Mapping[str, str]
    params: Mapping[str, str] = field(repr=False)
    read: Callable[[bytes], Any]

    @property
    def doing(self) -> str:
        """Method and path, for messages."""
        return f"GET {self.path}"

    def page(self, number: int, size: int) -> Page:
        """A page; sorted, unless MailUp has refused to sort this resource."""
        kind = re.sub(r"[0-9]+", "#", self.path)
        if not self.order or kind in self.session.unsorted:
            return self._request(number, size, {})
        try:
            return self._request(number, size, self.order)
        except (MailUpRefused, MailUpUnavailable) as failure:
            if number or not may_be_refused(failure):
                raise
            page = self._request(number, size, {})
            self.session.unsorted.add(kind)
            return page

    def _request(self, number: int, size: int, order: Mapping[str, str]) -> Page:
        paging = {"PageNumber": str(number), "PageSize": str(size)}

        def understand(answer: Answer) -> Page:
            page = Page.read(answer.json(self.read), self.doing)
            page.check(self.doing, number * size)
            return page

        return self.session.read(
            self.path,
            understand,
            {**self.params, **paging, **order},
            repeat_timeouts=size <= SMALLEST_PAGE,
        )
