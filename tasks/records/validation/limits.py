"""Limits beyond which a file is held."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from tasks.agreements.base import Settings
from tasks.records.counts import Counts

TOO_MANY_MISSING = "too_many_missing"
"""Reason code of the limits on missing people."""
BROKEN_LIMITS = (
    "too_few_records",
    "too_many_records",
    "too_many_rejects",
    "too_many_opt_outs",
    "file_shrank",
    TOO_MANY_MISSING,
)
"""Reason codes of the agreed limits."""
_SMALL_FILE_RECORDS = 20
"""Shares are not checked for files with fewer records: one reject of three is no alarm."""


class Thresholds(Settings):
    """Limits beyond which a file is held, so that nothing of it is sent."""

    min_records: int = Field(
        default=1,
        ge=0,
        description="A file with fewer records is held; 0 accepts a file without records.",
    )
    max_records: int = Field(
        default=10_000_000, ge=1, description="A file with more records is held."
    )
    max_rejected_percent: float = Field(
        default=20.0,
        ge=0,
        le=100,
        description="A file is held when more than this share of its records is rejected.",
    )
    max_opt_out_percent: float = Field(
        default=100.0,
        ge=0,
        le=100,
        description="A file is held when more than this share of its records unsubscribes people.",
    )
    max_shrink_percent: float = Field(
        default=50.0,
        ge=0,
        le=100,
        description=(
            "In mode full, a file is held when it has fewer records than the previous file by "
            "more than this share."
        ),
    )


@dataclass(frozen=True)
class LimitExceeded:
    """A limit that a file exceeds; `reason` is a code, `sentence` gives the figures."""

    reason: str
    sentence: str


def exceeded_limits(
    limits: Thresholds, counts: Counts, *, opt_outs: int, before: int, full: bool, left_out: int = 0
) -> Iterator[LimitExceeded]:
    """The limits that a file exceeds; `before`: number of records of the previous file.

    Shares do not count the `left_out` records, of which nothing is sent as agreed.
    """
    total = counts.records - left_out
    share = 100 / total if total >= _SMALL_FILE_RECORDS else 0.0
    previous = before if full else 0
    lost = 100 * (previous - counts.records) / previous if previous >= _SMALL_FILE_RECORDS else 0.0
    rejected, opted_out = counts.rejected * share, opt_outs * share
    checks = (
        ("too_few_records", counts.records, "<", limits.min_records, "records"),
        ("too_many_records", counts.records, ">", limits.max_records, "records"),
        ("too_many_rejects", rejected, ">", limits.max_rejected_percent, "% rejected"),
        ("too_many_opt_outs", opted_out, ">", limits.max_opt_out_percent, "% opt-outs"),
        ("file_shrank", lost, ">", limits.max_shrink_percent, "% fewer records than before"),
    )
    for reason, value, sign, limit, unit in checks:
        if (value < limit) if sign == "<" else (value > limit):
            yield LimitExceeded(
                reason, f"The file has {_figure(value)} {unit}; the agreed limit is {limit:.10g}."
            )


def _figure(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")
