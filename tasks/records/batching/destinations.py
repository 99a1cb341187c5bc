"""Where records go: one import of MailUp takes records of one destination."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from blocks.mailup.resources.imports import Channel, ImportType

_ORDER = {"optout": 0, "default": 1, "optin": 2}
_COLUMNS = ["channel", "list_id", "group", "import_type", "clear"]


@dataclass(frozen=True)
class Destination:
    """What all records of one import have in common; `group` is a name or an id, or None."""

    channel: Channel
    list_id: int
    group: str | None
    import_type: ImportType
    clear: bool

    @property
    def rank(self) -> tuple[int, int, str, str, bool]:
        """Order of sending: who unsubscribes comes first, whatever happens afterwards."""
        return _ORDER[self.import_type], self.list_id, self.channel, self.group or "", self.clear


def destinations(judged: pl.DataFrame) -> Iterator[tuple[Destination, pl.DataFrame]]:
    """Split judged records by destination, in the order of sending; rows keep their order."""
    parts = judged.partition_by(_COLUMNS, as_dict=True, maintain_order=True)
    found = [(Destination(*key), part) for key, part in parts.items()]
    yield from sorted(found, key=lambda pair: pair[0].rank)


def only_destination(judged: pl.DataFrame) -> Destination | None:
    """Where all of these records go; None where they go to several places, or there are none."""
    if judged.is_empty():
        return None
    first = judged.select(_COLUMNS).row(0)
    same = (
        pl.col(name).eq_missing(pl.lit(value)).all()
        for name, value in zip(_COLUMNS, first, strict=True)
    )
    return Destination(*first) if judged.select(pl.all_horizontal(same)).item() else None


def group_named(groups: Mapping[int, str], text: str) -> int | None:
    """Id of the group that `text` names, by its name in any case (the oldest one), or by its id."""
    for group_id, name in sorted(groups.items()):
        if name.strip().casefold() == text.strip().casefold():
            return group_id
    return int(text) if text.isdecimal() and int(text) in groups else None
