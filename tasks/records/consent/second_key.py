"""Rows that name a person by address and by mobile number, and MailUp's own two keys of people."""

from collections.abc import Collection, Iterable, Sequence

import polars as pl

from tasks.records.batching.batches import Batch
from tasks.records.consent.apply import comparable
from tasks.records.frames import LINE

KEPT, DIFFERS = "second_key_kept", "second_key_differs"
"""Reasons of rows that went without their second key, and of rows that were refused for it."""
NOT_COMPARED = "second_key_not_compared"
"""Reason of rows that went without their second key, as it was not compared with MailUp's."""
_PAIRS = {"address": pl.String(), "mobile": pl.String()}


def both_keys(sent: Sequence[Batch]) -> pl.DataFrame:
    """Of batches the records with both keys: line, list, channel, keys, and these to compare by."""
    columns = [LINE, "list_id", "channel", "email", "prefix", "number"]
    both = pl.col("email").is_not_null() & pl.col("number").is_not_null()
    frames = [each.records().select(columns).filter(both) for each in sent]
    if not frames:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return _spelled(pl.concat(frames))


def pairs(people: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """People of MailUp (email, prefix, number; null or "" for none) as they are compared."""
    columns = ["email", "prefix", "number"]
    frames = [each.select(columns).fill_null("") for each in people]
    if not frames:
        return pl.DataFrame(schema=_PAIRS)
    return _spelled(pl.concat(frames)).select(*_PAIRS).unique()


def _spelled(people: pl.DataFrame) -> pl.DataFrame:
    whole = pl.concat_str("prefix", "number")
    mobile = people.select(channel=pl.lit("sms"), address=whole)
    address = people.select(channel=pl.lit("email"), address="email")
    there = pl.col("number") != ""
    return people.with_columns(address=comparable(address), mobile=comparable(mobile)).with_columns(
        mobile=pl.when(there).then("mobile").otherwise(pl.lit(""))
    )


def differing(rows: pl.DataFrame, known: pl.DataFrame) -> set[int]:
    """Lines of rows whose two keys are not of one person: MailUp has another one beside either."""
    by_address = known.filter(pl.col("address") != "").rename({"mobile": "theirs"})
    by_mobile = known.filter(pl.col("mobile") != "").rename({"address": "whose"})
    met = rows.join(by_address, on="address", how="left").join(by_mobile, on="mobile", how="left")
    other_number = (pl.col("theirs") != "") & (pl.col("theirs") != pl.col("mobile"))
    of_another = (pl.col("whose") != "") & (pl.col("whose") != pl.col("address"))
    return set(met.filter(other_number | of_another)[LINE])


def of_lists(sent: Sequence[Batch], lists: Collection[tuple[int, str]]) -> frozenset[int]:
    """Lines of the records with both keys that go to these lists, given with their channel."""
    plain = [each for each in sent if each.destination.import_type == "default"]
    mine = [each for each in plain if (each.destination.list_id, each.destination.channel) in lists]
    return frozenset(both_keys(mine)[LINE])


def without_second_key(records: pl.DataFrame, lines: Collection[int]) -> pl.DataFrame:
    """The same records; those of these lines with the key of their channel alone."""
    alone = pl.col(LINE).is_in(list(lines))
    by_email = pl.col("channel") == "email"
    return records.with_columns(
        pl.when(~alone | by_email).then("email").alias("email"),
        pl.when(~(alone & by_email)).then("prefix").alias("prefix"),
        pl.when(~(alone & by_email)).then("number").alias("number"),
    )
