"""The schemas of all frames that pass between stages."""

import polars as pl

LINE = "__line"
"""Name of the column that holds the line (1 = first line of the file) on which a record starts."""


REJECTS: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "columns": pl.List(pl.String()),
    "reasons": pl.List(pl.String()),
    "cells": pl.List(pl.String()),
    "original": pl.String(),
}
"""Schema of refused records.

`line` where the record starts; `columns` the client's column names at fault (parallel to
`reasons`, empty text where the whole line is at fault); `reasons` codes of `REASONS`; `cells` the
record's cells as they were, in the file's order, null where the line could not be cut into cells;
`original` the text of the line, null where `cells` already says everything.
"""


def no_rejects() -> pl.DataFrame:
    """An empty frame with the schema REJECTS."""
    return pl.DataFrame(schema=REJECTS)


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
}
"""Schema of records, followed by one text column `field_<id>` for each dynamic field, by id.

`key_high` and `key_low` are 128 bits of hash of channel and address: two people share them with a
chance of 1 in 10^24 for a file of ten million. They hold within one installation of polars only,
so nothing that is kept may contain them. `channel` is "email" or "sms", the one whose address is
the record's key. `group` is a name or an id, as the mapping says; null for none. `status` is
"subscribed", "unsubscribed", or null where the row does not say. `clear` is true where a blank
cell has to clear a field. Of email, prefix and number, and of the fields, null means: not sent.
"""


FAULTS = {"row": pl.Int64(), "column": pl.String(), "reason": pl.String()}
"""Schema of faults: position in the frame, our name of the column, code of the reason."""


UNSUBSCRIBED_PEOPLE: dict[str, pl.DataType] = {
    "list_id": pl.Int64(),
    "channel": pl.String(),
    "address": pl.String(),
    "cause": pl.String(),
    "left_on": pl.String(),
}
"""Schema of people who are not subscribed in MailUp.

`channel` is "email" or "sms"; `address` the e-mail address, or prefix and number in one, in any
spelling; `cause` MailUp's code as text (type, or type and sub-type: "2", "81", "161"), or
"pending"; null where MailUp gives none. `left_on` is the day on which they left, such as
"2026-01-31", null where MailUp does not say.
"""


PEOPLE = {
    "channel": pl.String(),
    "list_id": pl.Int64(),
    "email": pl.String(),
    "prefix": pl.String(),
    "number": pl.String(),
}
"""Schema of a list's people as MailUp spells them: what the channel does not use is null."""
