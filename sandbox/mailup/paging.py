"""Pages of 20 items from number 0, in MailUp's envelope; parameter names in any letter case.

For speed with millions of rows, a page that follows the previous one in key order begins behind
its last key.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from sandbox.mailup.filters import (
    Columns,
    Condition,
    UnknownProperty,
    parse_filter,
    parse_order,
)
from sandbox.mailup.settings import Settings
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import settle
from sandbox.mailup.walks import Walk
from sandbox.mailup.wire import ApiError, WcfJson

DEFAULT_PAGE_SIZE = 20
LARGE_PAGE = 50
SLOW_SECONDS = 2.0
Row = Any


@dataclass(frozen=True)
class Query:
    """SQL of a resource: what follows FROM, its parameters, the properties, and the order.

    `keys` are unique, never null, and in the order of an index; a resource without them has an
    `order`. `group` is the GROUP BY of aggregated rows.
    """

    columns: Columns
    source: str
    parameters: tuple[Any, ...] = ()
    order: str = "1"
    keys: tuple[str, ...] = ()
    group: str = ""

    def rows_where(self, condition: Condition, after: str = "1") -> str:
        """The SQL from FROM up to the order; `after` limits the keys."""
        if self.group:
            return f"FROM {self.source} AND {after} GROUP BY {self.group} HAVING ({condition.sql})"
        return f"FROM {self.source} AND {after} AND ({condition.sql})"


def parameter(request: Request, name: str) -> str | None:
    """A query parameter; the letter case of its name is ignored."""
    for given, value in request.query_params.multi_items():
        if given.lower() == name.lower():
            return value
    return None


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """A boolean query parameter; ApiError 400 for anything but true, false, 1, 0."""
    value = (parameter(request, name) or str(default)).strip('"').lower()
    if value not in ("true", "false", "1", "0"):
        raise ApiError(400, f"Parameter '{name}' must be true or false")
    return value in ("true", "1")


def _number(request: Request, name: str, default: int) -> int:
    value = (parameter(request, name) or "").strip('"')
    if not value:
        return default
    if not re.fullmatch(r"\d{1,9}", value):
        raise ApiError(400, f"Parameter '{name}' must be a number of 0 or more")
    return int(value)


def bounds(request: Request, settings: Settings) -> tuple[int, int]:
    """Page number and page size of a call."""
    number = _number(request, "PageNumber", _number(request, "PageNum", 0))
    size = _number(request, "PageSize", DEFAULT_PAGE_SIZE) or DEFAULT_PAGE_SIZE
    if settings.slow_page_size and size > settings.slow_page_size:
        time.sleep(settings.slow_page_seconds)
    return number, _effective_size(size, settings)


def _effective_size(size: int, settings: Settings) -> int:
    """The page size, by the variant of large pages."""
    manner, cap = settings.large_pages, settings.page_size_cap
    if manner == "answered":
        return min(size, cap or size)
    if size <= (cap or LARGE_PAGE):
        return size
    if manner == "refused":
        raise ApiError(400, f"Parameter 'PageSize' must not exceed {cap or LARGE_PAGE}")
    if manner == "failing":
        raise ApiError(500, "Timeout expired")
    if manner == "slow":
        time.sleep(settings.slow_page_seconds or SLOW_SECONDS)
        return size
    return cap or LARGE_PAGE


def envelope(request: Request, items: Sequence[Any], number: int, size: int, total: int) -> WcfJson:
    """One page in MailUp's envelope, by the variants of totals and empty pages."""
    settings: Settings = request.app.state.settings
    shown = _number(request, "PageSize", size) if settings.large_pages == "shortened" else size
    body: dict[str, Any] = {
        "IsPaginated": total > size,
        "Items": items,
        "PageNumber": number,
        "PageSize": shown,
        "Skipped": number * size,
        "TotalElementsCount": total,
    }
    if not items and settings.items_of_none != "array":
        body["Items"] = None
        if settings.items_of_none == "missing":
            del body["Items"]
    if settings.totals == "zero":
        body["TotalElementsCount"] = 0
    elif settings.totals == "moving":
        body["TotalElementsCount"] = total + number % 2
    elif settings.totals == "missing":
        del body["TotalElementsCount"]
    return WcfJson(body)


def page(request: Request, query: Query, item: Callable[[Row], dict[str, Any]]) -> WcfJson:
    """Answer a collection: filter, order and page in SQL, each row through `item`.

    The rows have all properties of `query.columns` under their names.
    """
    settings: Settings = request.app.state.settings
    number, size = bounds(request, settings)
    rows, total = _found(request, query, number * size, size)
    if number and not rows and settings.past_the_end == "refused":
        raise ApiError(400, f"Page {number} does not exist")
    if number and not rows and settings.past_the_end == "last_page" and total:
        number = (total - 1) // size
        rows, total = _found(request, query, number * size, size)
    return envelope(request, [item(row) for row in rows], number, size, total)


def unpaged(request: Request, query: Query, item: Callable[[Row], dict[str, Any]]) -> WcfJson:
    """Answer a collection without paging, with sizes of 0; truncated if the variant says so."""
    cut = request.app.state.settings.sms_report == "cut"
    rows, _ = _found(request, query, 0, DEFAULT_PAGE_SIZE if cut else -1)
    return envelope(request, [item(row) for row in rows], 0, 0, 0)


def count(request: Request, query: Query) -> int:
    """How many rows a collection has; filters are ignored."""
    settle(request.app.state.store, request.app.state.settings.zone)
    return _walk(request, query, Condition(), "count").total


def _walk(request: Request, query: Query, condition: Condition, order: str) -> Walk:
    """The cached walk through these rows in this order."""
    store: Store = request.app.state.store
    where = query.rows_where(condition)
    parameters = (*query.parameters, *condition.parameters)
    counted = f"SELECT count(*) FROM (SELECT 1 {where})"  # noqa: S608 - our own SQL, values bound
    walk: Walk = request.app.state.walks.of(
        (where, order, parameters), store.version, lambda: store.value(counted, parameters)
    )
    return walk


def _condition(request: Request, columns: Columns) -> Condition:
    """The filter of a call, by the variant of filters."""
    filters = request.app.state.settings.filters
    expression = parameter(request, "filterby") or ""
    if expression and filters == "refused":
        raise ApiError(400, "filterby is not supported by this resource")
    if filters == "ignored":
        return Condition()
    return parse_filter(expression, columns, documented=filters == "documented")


def _order(request: Request, columns: Columns) -> list[str]:
    """The ORDER BY terms of a call; unknown properties by the variant."""
    manner = request.app.state.settings.unknown_sort
    try:
        return parse_order(parameter(request, "orderby") or "", columns)
    except UnknownProperty as unknown:
        if manner == "unsorted":
            return []
        raise UnknownProperty(unknown.property, int(manner)) from None


def _found(request: Request, query: Query, offset: int, size: int) -> tuple[list[Row], int]:
    """The rows of one page (all with size -1), and the total."""
    store: Store = request.app.state.store
    settle(store, request.app.state.settings.zone)
    condition = _condition(request, query.columns)
    terms = _order(request, query.columns)
    named = [name for name in query.columns if "[" not in name]
    selected = [f'{query.columns[name].sql} AS "{name}"' for name in named]
    selected += [f'{key} AS "key {key}"' for key in query.keys]
    order = ", ".join(dict.fromkeys([*terms, *(f"{key} ASC" for key in query.keys)]))
    order = ", ".join([order, query.order]) if order and not query.keys else order or query.order
    walk = _walk(request, query, condition, order)
    by_key = bool(query.keys) and order == ", ".join(f"{key} ASC" for key in query.keys)
    begin = walk.after(offset) if by_key else None
    after, skipped = ("1", offset) if begin is None else (_behind(query.keys), 0)
    sql = (
        f"SELECT {', '.join(selected)} {query.rows_where(condition, after)} "
        f"ORDER BY {order} LIMIT ? OFFSET ?"
    )
    rows = store.rows(
        sql, (*query.parameters, *(begin or ()), *condition.parameters, size, skipped)
    )
    if by_key and rows:
        walk.remember(offset + len(rows), tuple(rows[-1][f"key {key}"] for key in query.keys))
    return rows, walk.total


def _behind(keys: tuple[str, ...]) -> str:
    return f"({', '.join(keys)}) > ({', '.join('?' * len(keys))})"


def whole(columns: Columns) -> Callable[[Row], dict[str, Any]]:
    """An `item` function with all properties, flags as booleans."""
    flags = [name for name, column in columns.items() if column.kind == "flag"]
    names = tuple(columns)

    def item(row: Row) -> dict[str, Any]:
        # Properties are selected first and in their order, the keys behind them.
        found = dict(zip(names, row, strict=False))
        for name in flags:
            found[name] = bool(found[name])
        return found

    return item
