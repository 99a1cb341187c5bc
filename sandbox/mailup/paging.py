"""Pages of 20 from number 0, with MailUp's envelope; parameter names in any letter case."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from sandbox.mailup.filters import Columns, parse_filter, parse_order
from sandbox.mailup.settings import Settings
from sandbox.mailup.store import Store
from sandbox.mailup.wire import ApiError, WcfJson

DEFAULT_PAGE_SIZE = 20
Row = Any


@dataclass(frozen=True)
class Query:
    """SQL of a resource: what follows FROM, its parameters, the properties, the last sort key."""

    columns: Columns
    source: str
    parameters: tuple[Any, ...] = ()
    order: str = "1"


def parameter(request: Request, name: str) -> str | None:
    """A query parameter, whatever the letter case of its name."""
    for given, value in request.query_params.multi_items():
        if given.lower() == name.lower():
            return value
    return None


def flag(request: Request, name: str) -> bool:
    """A boolean query parameter; ApiError 400 for anything but true, false, 1, 0."""
    value = (parameter(request, name) or "false").strip('"').lower()
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
    """Page number and page size of a call. Chosen: a size above the cap is lowered silently."""
    number = _number(request, "PageNumber", 0)
    size = _number(request, "PageSize", DEFAULT_PAGE_SIZE) or DEFAULT_PAGE_SIZE
    if settings.slow_page_size and size > settings.slow_page_size:
        time.sleep(settings.slow_page_seconds)
    return number, min(size, settings.page_size_cap or size)


def envelope(items: Sequence[Any], number: int, size: int, total: int) -> WcfJson:
    """One page as MailUp wraps it."""
    body = {
        "IsPaginated": total > size,
        "Items": items,
        "PageNumber": number,
        "PageSize": size,
        "Skipped": number * size,
        "TotalElementsCount": total,
    }
    return WcfJson(body)


def page(request: Request, query: Query, item: Callable[[Row], dict[str, Any]]) -> WcfJson:
    """Answer a collection: filter, order and page in SQL, each row through `item`.

    The rows carry every property of `query.columns` under its name.
    """
    store: Store = request.app.state.store
    number, size = bounds(request, request.app.state.settings)
    condition = parse_filter(parameter(request, "filterby") or "", query.columns)
    order = parse_order(parameter(request, "orderby") or "", query.columns, query.order)
    where = f"FROM {query.source} AND ({condition.sql})"
    parameters = (*query.parameters, *condition.parameters)
    selected = ", ".join(
        f'{c.sql} AS "{name}"' for name, c in query.columns.items() if "[" not in name
    )
    total = store.value(f"SELECT count(*) {where}", parameters)
    sql = f"SELECT {selected} {where} ORDER BY {order} LIMIT ? OFFSET ?"
    rows = store.rows(sql, (*parameters, size, number * size))
    return envelope([item(row) for row in rows], number, size, total)


def whole(columns: Columns) -> Callable[[Row], dict[str, Any]]:
    """An `item` that passes all properties on, flags as booleans."""
    flags = [name for name, column in columns.items() if column.kind == "flag"]

    def item(row: Row) -> dict[str, Any]:
        found = dict(row)
        for name in flags:
            found[name] = bool(found[name])
        return found

    return item
