"""Changes of status, since consent was applied, of people whom a grant subscribes again."""

from pathlib import Path

import polars as pl

from tasks.records.consent.apply import GRANTED, Unsubscribed, kinds_of
from tasks.records.consent.settings import Consent
from tasks.records.frames import LINE, UNSUBSCRIBED_PEOPLE
from tasks.records.results.parts import part_paths, read_parts
from tasks.records.results.skipped_file import SKIPPED

LEFT_MEANWHILE = "consent_left_meanwhile"
"""Reason of people whom a grant does not subscribe because they left after consent was applied."""
SEEN: dict[str, pl.DataType] = UNSUBSCRIBED_PEOPLE | {"subscribed": pl.Boolean()}
"""Schema of people as MailUp shows them now, subscribed ones included; their cause and `left_on`,
if any, are of an earlier time."""
PERSON = [LINE, "channel", "list_id", "key_high", "key_low", "email", "prefix", "number"]
"""Columns of a record that identify its person."""

_KEY = ["list_id", "key_high", "key_low"]
_RELISTED_PART = "granted.parquet"
"""Name of the part with changed reasons; sorted after the numbered parts."""


def by_state(people: pl.DataFrame, seen: pl.DataFrame, before: Unsubscribed) -> dict[str, set[int]]:
    """Lines of people (columns PERSON) by their change of state from `before` to `seen`.

    unchanged. subscribed: now subscribed. left: left again. came_back: left again and
    subscribed again. unknown: not in the list.
    """
    previous = before.by_list.select(
        *_KEY, pl.col("kind").cast(pl.String).alias("kind_then"), then="left_on"
    )
    now = kinds_of(seen).unique(_KEY, keep="last", maintain_order=True)
    both = people.select(LINE, *_KEY).join(now, on=_KEY, how="left").join(previous, _KEY, "left")
    same_day = pl.col("left_on").eq_missing(pl.col("then"))
    same = same_day & pl.col("kind").cast(pl.String).eq_missing(pl.col("kind_then"))
    states = both.select(
        LINE,
        state=pl.when(pl.col("subscribed").is_null())
        .then(pl.lit("unknown"))
        .when(~pl.col("subscribed"))
        .then(pl.when(same).then(pl.lit("unchanged")).otherwise(pl.lit("left")))
        .when(same_day | pl.col("left_on").is_null())
        .then(pl.lit("subscribed"))
        .otherwise(pl.lit("came_back")),
    )
    names = ("unchanged", "subscribed", "left", "came_back", "unknown")
    return {name: set(states.filter(state=name)[LINE]) for name in names}


def not_granted(people: pl.DataFrame, unsubscribed: Unsubscribed, consent: Consent) -> set[int]:
    """Lines of people (columns PERSON) who left and whom the grant does not subscribe.

    If an earlier run sent them, they left after it looked them up, and MailUp has not yet executed
    its batch.
    """
    before = (pl.col("left_on") < consent.grant_date).fill_null(False)
    rejoins = (pl.col("kind").cast(pl.String) == "left") & before
    others = unsubscribed.by_list.filter(~rejoins).select(_KEY)
    return set(people.join(others, on=_KEY, how="semi")[LINE])


def relist(skipped: Path, final: dict[int, str]) -> dict[str, int]:
    """List lines under their final reason instead of an earlier consent reason; idempotent.

    Returns the number of lines per consent reason.
    """
    for path in part_paths(skipped):
        about_consent = pl.col("reason").str.starts_with("consent_")
        part = pl.read_parquet(path)
        kept = part.filter(~(about_consent & pl.col("line").is_in(list(final))))
        if kept.height < part.height:
            kept.write_parquet(path, compression="lz4")
    rows = [(line, reason, None) for line, reason in sorted(final.items())]
    pl.DataFrame(rows, schema=SKIPPED, orient="row").write_parquet(skipped / _RELISTED_PART)
    reasons = pl.concat(read_parts(skipped))["reason"]
    counted = reasons.filter(reasons.str.starts_with("consent_")).value_counts()
    return dict(counted.iter_rows())


def final_reason(line: int, gone: tuple[int, ...]) -> str:
    """The final reason of a line of a granted batch."""
    return LEFT_MEANWHILE if line in gone else GRANTED
