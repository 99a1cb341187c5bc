"""Compares the two keys of a row, address and mobile number, with those of people in MailUp."""

from collections.abc import Collection, Iterable, Sequence

import polars as pl

from tasks.records.batching.batches import Batch
from tasks.records.consent.apply import comparable
from tasks.records.frames import LINE

KEPT, DIFFERS = "second_key_kept", "second_key_differs"
"""Reasons of rows that were sent without their second key, and of rows rejected for it."""
NOT_COMPARED = "second_key_not_compared"
"""Reason of rows that were sent without their second key because it was not compared."""
_PAIRS = {"address": pl.String(), "mobile": pl.String()}


def both_keys(sent: Sequence[Batch]) -> pl.DataFrame:
    """The records of batches with both keys: line, list, channel, keys and normalised keys."""
    columns = [LINE, "list_id", "channel", "email", "prefix", "number"]
    both = pl.col("email").is_not_null() & pl.col("number").is_not_null()
    frames = [each.records().select(columns).filter(both) for each in sent]
    if not frames:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return _normalised(pl.concat(frames))


def pairs(people: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Normalised keys of MailUp's people (email, prefix, number; null or "" for none)."""
    columns = ["email", "prefix", "number"]
    frames = [each.select(columns).fill_null("") for each in people]
    if not frames:
        return pl.DataFrame(schema=_PAIRS)
    return _normalised(pl.concat(frames)).select(*_PAIRS).unique()


def _normalised(people: pl.DataFrame) -> pl.DataFrame:
    whole = pl.concat_str("prefix", "number")
    mobile = people.select(channel=pl.lit("sms"), address=whole)
    address = people.select(channel=pl.lit("email"), address="email")
    has_number = pl.col("number") != ""
    return people.with_columns(address=comparable(address), mobile=comparable(mobile)).with_columns(
        mobile=pl.when(has_number).then("mobile").otherwise(pl.lit(""))
    )


def differing(rows: pl.DataFrame, known: pl.DataFrame) -> set[int]:
    """Lines of rows whose keys differ from MailUp's: either key has another partner there."""
    by_address = known.filter(pl.col("address") != "").rename({"mobile": "their_mobile"})
    by_mobile = known.filter(pl.col("mobile") != "").rename({"address": "their_address"})
    joined = rows.join(by_address, on="address", how="left").join(
        by_mobile, on="mobile", how="left"
    )
    other_number = (pl.col("their_mobile") != "") & (pl.col("their_mobile") != pl.col("mobile"))
    of_another = (pl.col("their_address") != "") & (pl.col("their_address") != pl.col("address"))
    return set(joined.filter(other_number | of_another)[LINE])


def contradicting(rows: pl.DataFrame) -> set[int]:
    """Lines of rows that give somebody's number or address to another person than an earlier row
    of the file does, or another one to the same person."""
    by_line = rows.sort(LINE, maintain_order=True)
    other_number = pl.col("mobile") != pl.col("mobile").first().over("address")
    of_another = pl.col("address") != pl.col("address").first().over("mobile")
    return set(by_line.filter(other_number | of_another)[LINE])


def of_lists(sent: Sequence[Batch], lists: Collection[tuple[int, str]]) -> frozenset[int]:
    """Lines of records with both keys that go to these lists (given with their channel)."""
    default = [each for each in sent if each.destination.import_type == "default"]
    matching = [
        each for each in default if (each.destination.list_id, each.destination.channel) in lists
    ]
    return frozenset(both_keys(matching)[LINE])


def without_second_key(records: pl.DataFrame, lines: Collection[int]) -> pl.DataFrame:
    """Remove the key of the other channel from the records of these lines."""
    chosen = pl.col(LINE).is_in(list(lines))
    by_email = pl.col("channel") == "email"
    return records.with_columns(
        pl.when(~chosen | by_email).then("email").alias("email"),
        pl.when(~(chosen & by_email)).then("prefix").alias("prefix"),
        pl.when(~(chosen & by_email)).then("number").alias("number"),
    )
