"""Missing people: who they are, and whether they are unsubscribed."""

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from blocks.ledger.snapshots import LeftBecause
from tasks.records.consent.apply import comparable
from tasks.records.delta.hashes import person_digests
from tasks.records.delta.settings import Delta
from tasks.records.frames import PEOPLE
from tasks.records.stages import Claim, DeltaResult
from tasks.records.validation.limits import TOO_MANY_MISSING, LimitExceeded


def decide_missing(
    delta: Delta, compared: DeltaResult, claim: Claim, *, replayed: bool
) -> DeltaResult:
    """Set `left_because`: whether the missing people are unsubscribed.

    If they exceed the limits, a release for another reason imports the file but unsubscribes none.
    """
    compared = replace(compared, left_because=_left_because(delta, compared, replayed=replayed))
    asked = claim.decision is not None and claim.decision.reason == TOO_MANY_MISSING
    if claim.released and not asked and any(too_many_missing(delta, compared)):
        return replace(compared, left_because="limit")
    return compared


def _left_because(delta: Delta, compared: DeltaResult, *, replayed: bool) -> LeftBecause:
    """Why none is unsubscribed, whatever their number; "" if the limits decide.

    A row without a readable address may be anybody's: with more of these than agreed, none is.
    """
    if delta.missing == "report":
        return "report"
    if replayed:
        return "replay"
    return "unreadable" if compared.unidentified_rows > delta.max_nameless_rows else ""


def too_many_missing(delta: Delta, compared: DeltaResult | None) -> Iterator[LimitExceeded]:
    """The exceeded limit, with its figures; nothing if none is to be unsubscribed."""
    if compared is None or not compared.unsubscribes:
        return
    missing, known = compared.missing or 0, compared.known
    share = 100 * missing / known
    if missing > delta.max_missing or share > delta.max_missing_percent:
        yield LimitExceeded(
            TOO_MANY_MISSING,
            f"{missing:,} of {known:,} people ({share:.1f} %) are missing and would be "
            f"unsubscribed; the agreed limit is {delta.max_missing:,} people and "
            f"{delta.max_missing_percent:.10g} %. A release unsubscribes them; to import the file "
            "without that, first set delta.missing to 'report'.",
        )


def who_is_missing(people: pl.DataFrame, hashes: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """The people of a list (schema PEOPLE) whose hash is in `hashes` (see `missing_people`)."""
    by_email = pl.col("channel") == "email"
    spelled = pl.when(by_email).then("email").otherwise(pl.concat_str("prefix", "number"))
    address = comparable(people.select("channel", address=spelled))
    normalised = people.with_columns(email=address, prefix=pl.lit(""), number=address)
    hashed = people.hstack(person_digests(normalised, key))
    missing = hashed.join(hashes, on=hashes.columns, how="semi", maintain_order="left")
    return missing.select(PEOPLE.keys())
