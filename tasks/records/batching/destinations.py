"""Destinations: one MailUp import takes records of one destination."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from blocks.mailup.resources.imports import Channel, ImportType

_ORDER = {"optout": 0, "default": 1, "optin": 2}
_COLUMNS = ["channel", "list_id", "group", "import_type", "clear"]


@dataclass(frozen=True)
class Destination:
    """Properties shared by all records of an import; `group` is a name, an id or None."""

    channel: Channel
    list_id: int
    group: str | None
    import_type: ImportType
    clear: bool

    @property
    def rank(self) -> tuple[int, int, str, str, bool]:
        """Order of sending: opt-outs first."""
        return _ORDER[self.import_type], self.list_id, self.channel, self.group or "", self.clear


def destinations(records: pl.DataFrame) -> Iterator[tuple[Destination, pl.DataFrame]]:
    """Split records by destination, in the order of sending; rows keep their order."""
    parts = records.partition_by(_COLUMNS, as_dict=True, maintain_order=True)
    found = [(Destination(*key), part) for key, part in parts.items()]
    yield from sorted(found, key=lambda pair: pair[0].rank)


def only_destination(records: pl.DataFrame) -> Destination | None:
    """The common destination of records; None if there are several, or no records."""
    if records.is_empty():
        return None
    first = records.select(_COLUMNS).row(0)
    same = (
        pl.col(name).eq_missing(pl.lit(value)).all()
        for name, value in zip(_COLUMNS, first, strict=True)
    )
    return Destination(*first) if records.select(pl.all_horizontal(same)).item() else None


def group_named(groups: Mapping[int, str], text: str) -> int | None:
    """Find a group by name (case-insensitive, the oldest one) or by id; return its id."""
    for group_id, name in sorted(groups.items()):
        if name.strip().casefold() == text.strip().casefold():
            return group_id
    return int(text) if text.isdecimal() and int(text) in groups else None
