"""Whose rows they are: recipients of the lists, spooled to disk, and joined to rows of an export.

Memory holds the people of the rows at hand, never a whole list.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tasks.reports.delta.spool import RowSpool
from tasks.reports.rows import RowKind

_WHO = "who"


@dataclass
class RecipientData:
    """Recipients by list: `recipient_id`, `number` (digits with the international prefix), `phone`
    (as MailUp writes it), `email` and dynamic fields."""

    folder: Path
    spools: dict[int, RowSpool] = field(default_factory=dict)

    def add(self, list_id: int, pages: Iterator[pl.DataFrame]) -> None:
        """Put the recipients of a list aside, behind those that are there."""
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
        """Rows of one list with what is known of their people, and how many are not known.

        Of several recipients with one number the last one counts. Rows of a list whose people
        were not asked for stay as they are.
        """
        spool = self.spools.get(rows.item(0, "list_id")) if rows.height else None
        if spool is None:
            return rows, 0
        who = _who(kind)
        wanted = rows.select(who).drop_nulls().unique()
        found = [
            page.with_columns(who).join(wanted, on=_WHO, how="semi") for page in spool.frames()
        ]
        if not found:
            return rows, wanted.height
        people = pl.concat(found).unique(_WHO, keep="last")
        told = people.select(_WHO, *kind.personal, pl.col("^field_.*$"))
        whole = rows.drop(kind.personal).with_columns(who)
        whole = whole.join(told, on=_WHO, how="left", maintain_order="left")
        return whole.drop(_WHO), wanted.height - people.height


def international(number: pl.Expr) -> pl.Expr:
    """A number with its prefix as digits, without + or 00 before them; null for none."""
    digits = number.str.replace_all(r"\D", "").str.strip_chars_start("0")
    return pl.when(digits != "").then(digits)


def _who(kind: RowKind) -> pl.Expr:
    """What people are found by."""
    column = pl.col(kind.known_by)
    return (international(column) if kind.known_by == "number" else column).alias(_WHO)
