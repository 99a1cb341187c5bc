"""Destinations: one MailUp import takes records of one destination."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from blocks.mailup.resources.imports import Channel, ImportType
from tasks.records.frames import BETWEEN_GROUPS

_ORDER = {"optout": 0, "default": 1, "optin": 2}
_COLUMNS = ["channel", "list_id", "group", "import_type", "clear"]
_SEVERAL = pl.col("group").str.contains(BETWEEN_GROUPS, literal=True).fill_null(False)


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
    """Split records by destination, in the order of sending; rows keep their order.

    A record for several groups is in the part of each of them; an opt-out is sent once, without
    groups.
    """
    if has_several_groups(records):
        records = records.with_columns(one_group=_each_group()).explode("one_group")
        columns = [name.replace("group", "one_group") for name in _COLUMNS]
        parts = records.partition_by(columns, as_dict=True, maintain_order=True)
        parts = {key: part.drop("one_group") for key, part in parts.items()}
    else:
        parts = records.partition_by(_COLUMNS, as_dict=True, maintain_order=True)
    found = [(Destination(*key), part) for key, part in parts.items()]
    yield from sorted(found, key=lambda pair: pair[0].rank)


def has_several_groups(records: pl.DataFrame) -> bool:
    """Whether a record enters several groups."""
    return bool(records.select(_SEVERAL.any()).item())


def repetitions(records: pl.DataFrame) -> int:
    """How many more rows are sent than there are records, because of several groups."""
    if not has_several_groups(records):
        return 0
    return int(records.select((_each_group().list.len() - 1).sum()).item())


def _each_group() -> pl.Expr:
    """The groups for which a record is sent; a list of null if it is sent without group."""
    once = (pl.col("import_type") == "optout") & _SEVERAL
    return pl.when(~once).then("group").str.split(BETWEEN_GROUPS).fill_null([None])


def only_destination(records: pl.DataFrame) -> Destination | None:
    """The common destination of records; None if there are several, or no records."""
    if records.is_empty():
        return None
    first = records.select(_COLUMNS).row(0)
    if BETWEEN_GROUPS in (first[2] or ""):
        return None
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
