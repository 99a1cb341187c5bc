"""Schemas of the frames that stages exchange, and what several stages do with records."""

import polars as pl

LINE = "__line"
"""Name of the column with the line (1 = first line of the file) on which a record starts."""


REJECTS: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "columns": pl.List(pl.String()),
    "reasons": pl.List(pl.String()),
    "cells": pl.List(pl.String()),
    "original": pl.String(),
}
"""Schema of rejects.

`line`: where the record starts. `columns`: the client's columns at fault, parallel to `reasons`;
empty text if the whole line is at fault. `reasons`: codes of `REASONS`. `cells`: the original
cells in the file's order, null if the line could not be split. `original`: the text of the line,
null if `cells` has everything.
"""


def no_rejects() -> pl.DataFrame:
    """An empty frame with the schema REJECTS."""
    return pl.DataFrame(schema=REJECTS)


BETWEEN_GROUPS = "\x1d"
"""Stands between the groups of a record that enters several. No cell contains it."""

RECORD: dict[str, pl.DataType] = {
    LINE: pl.Int64(),
    "key_high": pl.UInt64(),
    "key_low": pl.UInt64(),
    "channel": pl.String(),
    "list_id": pl.Int64(),
    "group": pl.String(),
    "status": pl.String(),
    "clear": pl.Boolean(),
    "email": pl.String(),
    "prefix": pl.String(),
    "number": pl.String(),
    "second_key": pl.Boolean(),
}
"""Schema of records, followed by one text column `field_<id>` for each dynamic field, by id.

`key_high` and `key_low`: a 128-bit hash of channel and address; in a file of ten million two people
share one with a probability of 1 in 10^24. It depends on the polars installation, so it must not be
stored. `channel`: "email" or "sms", the one of the record's key. `group`: a name or an id, null for
none; several in ascending order with BETWEEN_GROUPS between them. `status`: "subscribed",
"unsubscribed", "leave_out", or null if the row has none, which is possible only without agreed
grounds. `second_key`: false if the row has both keys and the other channel has no ground, so that
its key is not sent. `clear`: whether a blank cell clears a field. Null in email, prefix, number and
fields means: not sent.
"""


CELL_NOTES: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "column": pl.String(),
    "reason": pl.String(),
}
"""Schema of cells that were not sent although their record was: the line on which the record
starts, the client's column, a code of `REASONS`. No value of the record."""


FAULTS = {"row": pl.Int64(), "column": pl.String(), "reason": pl.String()}
"""Schema of faults: position in the frame, field name of the column, reason code."""


UNSUBSCRIBED_PEOPLE: dict[str, pl.DataType] = {
    "list_id": pl.Int64(),
    "channel": pl.String(),
    "address": pl.String(),
    "cause": pl.String(),
    "left_on": pl.String(),
}
"""Schema of people who are not subscribed in MailUp.

`channel`: "email" or "sms". `address`: the e-mail address, or prefix and number in one, in any
spelling. `cause`: MailUp's code as text (type, or type and sub-type: "2", "81", "161"), or
"pending"; null if unknown. `left_on`: the day on which they left, such as "2026-01-31", null if
unknown.
"""


PEOPLE = {
    "channel": pl.String(),
    "list_id": pl.Int64(),
    "email": pl.String(),
    "prefix": pl.String(),
    "number": pl.String(),
}
"""Schema of the people of a list as MailUp spells them; columns of the other channel are null."""


def only_key(records: pl.DataFrame, chosen: pl.Expr | None = None) -> pl.DataFrame:
    """Keep only the identifier of their channel in the chosen records; in all without `chosen`."""
    alone = pl.lit(value=True) if chosen is None else chosen
    by_email = pl.col("channel") == "email"
    return records.with_columns(
        pl.when(~alone | by_email).then("email").alias("email"),
        pl.when(~(alone & by_email)).then("prefix").alias("prefix"),
        pl.when(~(alone & by_email)).then("number").alias("number"),
    )
