"""Recipient data of the lists, spooled to disk and joined to rows of an export.

Memory is bounded by the people of one slice, not by the list.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tasks.reports.delta.spool import RowSpool
from tasks.reports.rows import RowKind

_KEY = "key"


@dataclass
class RecipientData:
    """Recipients by list: `recipient_id`, `number` (digits with the international prefix), `phone`
    (MailUp's spelling), `email` and dynamic fields."""

    folder: Path
    spools: dict[int, RowSpool] = field(default_factory=dict)

    def add(self, list_id: int, pages: Iterator[pl.DataFrame]) -> None:
        """Append recipients of a list."""
        if list_id not in self.spools:
            self.spools[list_id] = RowSpool(self.folder / f"people-{list_id}")
        for page in pages:
            phone = pl.concat_str(pl.col("prefix").fill_null(""), "number")
            known = page.select(
                "recipient_id",
                "email",
                pl.col("^field_.*$"),
                phone=phone,
                number=international(phone),
            )
            self.spools[list_id].add(known)

    def joined(self, rows: pl.DataFrame, kind: RowKind) -> tuple[pl.DataFrame, int]:
        """Add recipient data to rows of one list; return them with the number of unknown people.

        Of several recipients with one number the last one is used. Rows of a list without loaded
        recipients are unchanged.
        """
        spool = self.spools.get(rows.item(0, "list_id")) if rows.height else None
        if spool is None:
            return rows, 0
        key = _key(kind)
        wanted = rows.select(key).drop_nulls().unique()
        found = [
            page.with_columns(key).join(wanted, on=_KEY, how="semi") for page in spool.frames()
        ]
        if not found:
            return rows, wanted.height
        people = pl.concat(found).unique(_KEY, keep="last")
        data = people.select(_KEY, *kind.personal, pl.col("^field_.*$"))
        whole = rows.drop(kind.personal).with_columns(key)
        whole = whole.join(data, on=_KEY, how="left", maintain_order="left")
        return whole.drop(_KEY), wanted.height - people.height


def international(number: pl.Expr) -> pl.Expr:
    """A number with its prefix as digits, without + or 00 before them; null for none."""
    digits = number.str.replace_all(r"\D", "").str.strip_chars_start("0")
    return pl.when(digits != "").then(digits)


def _key(kind: RowKind) -> pl.Expr:
    """The key by which recipients are found."""
    column = pl.col(kind.known_by)
    return (international(column) if kind.known_by == "number" else column).alias(_KEY)
