"""What has become of people since a file was judged, whom its grant subscribes again."""

from pathlib import Path

import polars as pl

from tasks.records.consent.apply import GRANTED, Unsubscribed, kinds_of
from tasks.records.consent.settings import Consent
from tasks.records.frames import LINE, UNSUBSCRIBED_PEOPLE
from tasks.records.results.parts import part_paths, read_parts
from tasks.records.results.skipped_file import SKIPPED

LEFT_MEANWHILE = "consent_left_meanwhile"
"""Reason of people who are not subscribed by a grant, as they left after they were judged."""
SEEN: dict[str, pl.DataType] = UNSUBSCRIBED_PEOPLE | {"subscribed": pl.Boolean()}
"""Schema of people as they are seen now, subscribed ones included; for these, cause and `left_on`
are what MailUp may still tell of the time before."""
PERSON = [LINE, "channel", "list_id", "key_high", "key_low", "email", "prefix", "number"]
"""Of a record: whom it means."""

_WHO = ["list_id", "key_high", "key_low"]
_RELISTED = "granted.parquet"
"""Name of the part with these lines: it sorts behind the numbered ones."""


def by_state(people: pl.DataFrame, seen: pl.DataFrame, judged: Unsubscribed) -> dict[str, set[int]]:
    """Lines of people (columns PERSON) by what has become of them, as `seen` (schema SEEN) now.

    as_judged: they are as they were. subscribed: they are. left: they have left anew. came_back:
    they are subscribed, and have left anew before. unknown: they are not in the list.
    """
    before = judged.by_list.select(
        *_WHO, pl.col("kind").cast(pl.String).alias("kind_then"), then="left_on"
    )
    now = kinds_of(seen).unique(_WHO, keep="last", maintain_order=True)
    met = people.select(LINE, *_WHO).join(now, on=_WHO, how="left").join(before, _WHO, "left")
    same_day = pl.col("left_on").eq_missing(pl.col("then"))
    same = same_day & pl.col("kind").cast(pl.String).eq_missing(pl.col("kind_then"))
    told = met.select(
        LINE,
        state=pl.when(pl.col("subscribed").is_null())
        .then(pl.lit("unknown"))
        .when(~pl.col("subscribed"))
        .then(pl.when(same).then(pl.lit("as_judged")).otherwise(pl.lit("left")))
        .when(same_day | pl.col("left_on").is_null())
        .then(pl.lit("subscribed"))
        .otherwise(pl.lit("came_back")),
    )
    states = dict.fromkeys(("as_judged", "subscribed", "left", "came_back", "unknown"))
    return {each: set(told.filter(state=each)[LINE]) for each in states}


def stays_out(people: pl.DataFrame, judged: Unsubscribed, consent: Consent) -> set[int]:
    """Lines of people (columns PERSON) who left, and whom the grant does not subscribe.

    Where an earlier run has sent them, they left after it had looked: MailUp has not carried its
    batch out before they were judged once more.
    """
    before = (pl.col("left_on") < consent.grant_date).fill_null(False)
    rejoins = (pl.col("kind").cast(pl.String) == "left") & before
    others = judged.by_list.filter(~rejoins).select(_WHO)
    return set(people.join(others, on=_WHO, how="semi")[LINE])


def only_key(people: pl.DataFrame) -> pl.DataFrame:
    """The same people with nothing but the address or number by which they are known."""
    by_email = pl.col("channel") == "email"
    return people.with_columns(
        pl.when(by_email).then("email").alias("email"),
        pl.when(~by_email).then("prefix").alias("prefix"),
        pl.when(~by_email).then("number").alias("number"),
    )


def relist(skipped: Path, fates: dict[int, str]) -> dict[str, int]:
    """List lines under the reason that is true in the end, instead of any other of consent.

    Returns how many lines have each reason of consent. Repeating it gives the same.
    """
    for path in part_paths(skipped):
        about_consent = pl.col("reason").str.starts_with("consent_")
        part = pl.read_parquet(path)
        kept = part.filter(~(about_consent & pl.col("line").is_in(list(fates))))
        if kept.height < part.height:
            kept.write_parquet(path, compression="lz4")
    rows = [(line, reason, None) for line, reason in sorted(fates.items())]
    pl.DataFrame(rows, schema=SKIPPED, orient="row").write_parquet(skipped / _RELISTED)
    reasons = pl.concat(read_parts(skipped))["reason"]
    counted = reasons.filter(reasons.str.starts_with("consent_")).value_counts()
    return dict(counted.iter_rows())


def fate(line: int, gone: tuple[int, ...]) -> str:
    """The reason under which somebody of a granted batch is listed in the end."""
    return LEFT_MEANWHILE if line in gone else GRANTED
