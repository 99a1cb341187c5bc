"""People who are missing in a full file: who they are, and whether they are unsubscribed."""

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


def decided(delta: Delta, compared: DeltaResult, claim: Claim, *, replayed: bool) -> DeltaResult:
    """The same, with whether the missing are unsubscribed (`left_because`).

    A release that was not given for just that lets a file pass, and leaves too many in peace.
    """
    compared = replace(compared, left_because=_left_because(delta, compared, replayed=replayed))
    asked = claim.decision is not None and claim.decision.reason == TOO_MANY_MISSING
    if claim.released and not asked and any(too_many_missing(delta, compared)):
        return replace(compared, left_because="limit")
    return compared


def _left_because(delta: Delta, compared: DeltaResult, *, replayed: bool) -> LeftBecause:
    """Why nobody is unsubscribed, however few are missing; "" where they are, within the limits.

    A row whose address cannot be read may be anybody's: with more of these than agreed nobody is.
    """
    if delta.missing == "report":
        return "report"
    if replayed:
        return "replay"
    return "unreadable" if compared.unidentified_rows > delta.max_nameless_rows else ""


def too_many_missing(delta: Delta, compared: DeltaResult | None) -> Iterator[LimitExceeded]:
    """What is beyond the limits, with the figures; nothing where nobody is to be unsubscribed."""
    if compared is None or not compared.unsubscribes:
        return
    missing, known = compared.missing or 0, compared.known
    share = 100 * missing / known
    if missing > delta.max_missing or share > delta.max_missing_percent:
        yield LimitExceeded(
            TOO_MANY_MISSING,
            f"{missing:,} of {known:,} people ({share:.1f} %) are missing and would be "
            f"unsubscribed; agreed is a limit of {delta.max_missing:,} people and "
            f"{delta.max_missing_percent:.10g} %. Released, they are unsubscribed; to import the "
            "file without that, set delta.missing to 'report' before.",
        )


def who_is_missing(people: pl.DataFrame, hashes: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Those of a list's people (schema PEOPLE) whose hash is among `hashes` of `missing_people`."""
    by_email = pl.col("channel") == "email"
    address = pl.when(by_email).then("email").otherwise(pl.concat_str("prefix", "number"))
    alike = comparable(people.select("channel", address=address))
    spelled = people.with_columns(email=alike, prefix=pl.lit(""), number=alike)
    found = people.hstack(person_digests(spelled, key))
    missing = found.join(hashes, on=hashes.columns, how="semi", maintain_order="left")
    return missing.select(PEOPLE.keys())
