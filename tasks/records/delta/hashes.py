"""Keyed hashes of records for snapshots; without the key, addresses cannot be tested against them.

BLAKE2b with a random key of the ledger, 128 bits: unlike polars' own hashes it does not depend on
machine or version. Among 10 million records two share one with a probability of 1 in 10^24.
"""

from collections.abc import Sequence
from hashlib import blake2b

import polars as pl

VERSION = "1"
"""Version of the hash inputs; increase it with each change: all rows are then sent again."""

_PERSON = ("channel", "list_id", "address")
_ROW = ("channel", "list_id", "group", "clear", "email", "prefix", "number")
_FIELD = "field_"
# Control characters that no cell may contain.
_BETWEEN, _NULL = "\x1f", "\x1e"
_ROWS_AT_ONCE = 10_000


def row_digests(records: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Hash everything that is sent of a record, and its list: row_high, row_low (schema RECORD)."""
    fields = [name for name in records.columns if name.startswith(_FIELD)]
    return _digests(records, [*_ROW, *fields], key, "row")


def person_digests(records: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Hash the person and the list: person_high, person_low (schema RECORD)."""
    number = pl.concat_str("prefix", "number")
    address = pl.when(pl.col("channel") == "email").then("email").otherwise(number)
    return _digests(records.with_columns(address=address), _PERSON, key, "person")


def _digests(records: pl.DataFrame, names: Sequence[str], key: bytes, what: str) -> pl.DataFrame:
    """Columns WHAT_high and WHAT_low (UInt64) of the texts in the columns `names`."""
    # A key for each layout: the same text in other columns gives another hash.
    layout = blake2b(_BETWEEN.join((what, *names)).encode(), key=key).digest()
    texts = records.select(
        pl.concat_str(
            [pl.col(name).cast(pl.String).fill_null(_NULL) for name in names], separator=_BETWEEN
        ).cast(pl.Binary)
    ).to_series()
    parts = [
        _hashed(texts.slice(start, _ROWS_AT_ONCE), layout, what)
        for start in range(0, texts.len(), _ROWS_AT_ONCE)
    ]
    return pl.concat([_halves(pl.Series("digest", [], pl.Binary), what), *parts])


def _hashed(texts: pl.Series, key: bytes, what: str) -> pl.DataFrame:
    keyed = blake2b(key=key, digest_size=16)

    def digest(text: bytes) -> bytes:
        hashed = keyed.copy()
        hashed.update(text)
        return hashed.digest()

    return _halves(pl.Series("digest", map(digest, texts), pl.Binary), what)


def _halves(digests: pl.Series, what: str) -> pl.DataFrame:
    digest = pl.col("digest").bin
    halves = {
        f"{what}_high": digest.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big"),
        f"{what}_low": digest.slice(8, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big"),
    }
    return digests.to_frame().select(**halves)
