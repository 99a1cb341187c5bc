"""Compares the two keys of a row, address and mobile number, with those of people in MailUp."""

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import get_args

import polars as pl

from blocks.mailup.resources.imports import Channel
from tasks.records.batching.batches import Batch
from tasks.records.consent.apply import comparable
from tasks.records.frames import LINE, only_key

KEPT, DIFFERS = "second_key_kept", "second_key_differs"
"""Reasons of rows that were sent without their second key, and of rows rejected for it."""
NOT_COMPARED = "second_key_not_compared"
"""Reason of rows that were sent without their second key because it was not compared."""
_KEYS = ("email", "prefix", "number")
_CHANNEL = pl.Enum(get_args(Channel))
_PAIRS = {"address": pl.UInt64(), "mobile": pl.UInt64()}
_NONE = 0


def both_keys(sent: Sequence[Batch]) -> pl.DataFrame:
    """The records of batches with both keys: line, list, channel, and hashes of the keys.

    Hashes, because all records of a file are compared at once, and a million addresses take many
    times as much memory. Two alike by chance cost a row its second key, which is listed.
    """
    frames = [
        _with_both(each, LINE).select(
            pl.col(LINE),
            list_id=pl.lit(each.destination.list_id, pl.Int64),
            channel=pl.lit(each.destination.channel, _CHANNEL),
            address=_hashed(pl.col("email").str.to_lowercase()),
            mobile=_hashed(pl.concat_str("prefix", "number")),
        )
        for each in sent
    ]
    if not frames:
        return pl.DataFrame(schema=_PAIRS)
    return pl.concat(frames)


def texts_of(sent: Sequence[Batch], lines: pl.Series) -> pl.DataFrame:
    """Address, prefix and number of the records of these lines."""
    chosen = pl.col(LINE).is_in(lines.implode())
    return pl.concat(_with_both(each, LINE).filter(chosen).select(_KEYS) for each in sent)


def pairs(people: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Hashes of the normalised keys of MailUp's people (email, prefix, number; null: none)."""
    frames = [_normalised(each.select(_KEYS).fill_null("")) for each in people]
    return pl.concat(frames).unique() if frames else pl.DataFrame(schema=_PAIRS)


def _with_both(batch: Batch, *columns: str) -> pl.DataFrame:
    records = batch.new_records(*columns, *_KEYS)
    return records.filter(pl.col("email").is_not_null() & pl.col("number").is_not_null())


def _normalised(people: pl.DataFrame) -> pl.DataFrame:
    """The keys of people in the form in which records have them, hashed."""
    whole = pl.concat_str("prefix", "number")
    mobile = people.select(channel=pl.lit("sms"), address=whole)
    address = people.select(channel=pl.lit("email"), address="email")
    has_number = pl.col("number") != ""
    known = people.with_columns(address=comparable(address), mobile=comparable(mobile))
    return known.select(
        address=_hashed(pl.col("address")),
        mobile=pl.when(has_number)
        .then(_hashed(pl.col("mobile")))
        .otherwise(pl.lit(_NONE, pl.UInt64)),
    )


def _hashed(text: pl.Expr) -> pl.Expr:
    return pl.when(text == "").then(pl.lit(_NONE, pl.UInt64)).otherwise(text.hash())


def differing(rows: pl.DataFrame, known: pl.DataFrame) -> set[int]:
    """Lines of rows whose keys differ from MailUp's: either key has another partner there."""
    by_address = known.filter(pl.col("address") != _NONE).rename({"mobile": "their_mobile"})
    by_mobile = known.filter(pl.col("mobile") != _NONE).rename({"address": "their_address"})
    met = rows.filter(
        pl.col("address").is_in(by_address["address"].implode())
        | pl.col("mobile").is_in(by_mobile["mobile"].implode())
    )
    joined = met.join(by_address, on="address", how="left").join(by_mobile, on="mobile", how="left")
    other_number = (pl.col("their_mobile") != _NONE) & (pl.col("their_mobile") != pl.col("mobile"))
    of_another = (pl.col("their_address") != _NONE) & (pl.col("their_address") != pl.col("address"))
    return set(joined.filter(other_number | of_another)[LINE])


def contradicting(rows: pl.DataFrame) -> set[int]:
    """Lines of rows that give somebody's number or address to another person than an earlier row
    of the file does, or another one to the same person."""
    repeated = rows.filter(_is_repeated(rows["address"]) | _is_repeated(rows["mobile"]))
    by_line = repeated.sort(LINE, maintain_order=True)
    other_number = pl.col("mobile") != pl.col("mobile").first().over("address")
    of_another = pl.col("address") != pl.col("address").first().over("mobile")
    return set(by_line.filter(other_number | of_another)[LINE])


def _is_repeated(hashes: pl.Series) -> pl.Series:
    """Which hashes occur more than once. `is_duplicated` takes ten times as much memory."""
    in_order = hashes.sort()
    again = in_order.filter(in_order == in_order.shift(1))
    return hashes.is_in(again.unique().implode())


def of_lists(sent: Sequence[Batch], lists: Collection[tuple[int, str]]) -> frozenset[int]:
    """Lines of records with both keys that go to these lists (given with their channel)."""
    default = [each for each in sent if each.destination.import_type == "default"]
    matching = [
        each for each in default if (each.destination.list_id, each.destination.channel) in lists
    ]
    lines = (_with_both(each, LINE)[LINE] for each in matching)
    return frozenset(chain.from_iterable(lines))


def without_second_key(records: pl.DataFrame, lines: Collection[int]) -> pl.DataFrame:
    """Remove the key of the other channel from the records of these lines."""
    return only_key(records, pl.col(LINE).is_in(list(lines)))
