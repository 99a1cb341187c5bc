"""Limits from history: a file that differs too much from the client's last files is held.

Checked are size, number of records, the shares of rejects and opt-outs, the columns and, if a full
file is compared with the previous one (delta), the shares of new or changed rows and of missing
people. Without delta these two are unknown: the ledger stores no addresses.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from tasks.agreements.base import Settings
from tasks.records.validation.limits import LimitExceeded

UNUSUAL = (
    "unusual_records", "unusual_size", "unusual_rejects", "unusual_opt_outs", "unusual_changes",
    "unusual_missing", "unusual_columns",
)  # fmt: skip
"""Reason codes used in this module."""
SMALL_FILE_RECORDS = 100
"""A file with fewer records is never held for its size or its rejects, and a larger one is not too
small compared with files that have fewer."""


class HistoryLimits(Settings, title="Habit"):
    """How far a file may differ from the client's last files before it is held."""

    hold: bool = Field(
        default=True,
        description="Whether a file that differs too much from the last files is held.",
    )
    files: int = Field(
        default=10, ge=2, le=100, description="Number of last imported files to compare with."
    )
    at_least: int = Field(
        default=5,
        ge=2,
        le=100,
        description="Minimum number of imported files before any is held as unusual.",
    )
    times: float = Field(
        default=5,
        gt=1,
        le=1000,
        description=(
            "A file is held when it has this many times more records or bytes than the largest of "
            "those files, or this many times fewer than the smallest."
        ),
    )
    more_rejected_points: float = Field(
        default=10,
        ge=0,
        le=100,
        description=(
            "A file is held when its share of rejected records is this many percentage points "
            "above the highest of those files."
        ),
    )
    more_opt_out_points: float = Field(
        default=10,
        ge=0,
        le=100,
        description=(
            "A file is held when its share of records that unsubscribe people is this many "
            "percentage points above the highest of those files."
        ),
    )
    more_changed_points: float = Field(
        default=30,
        ge=0,
        le=100,
        description=(
            "With delta.on, a file is held when its share of records that are new or changed is "
            "this many percentage points above the highest of those files."
        ),
    )
    more_missing_points: float = Field(
        default=10,
        ge=0,
        le=100,
        description=(
            "With delta.on, a file is held when the share of people of the previous file who are "
            "missing in it is this many percentage points above the highest of those files."
        ),
    )
    columns: Literal["hold", "accept"] = Field(
        default="hold",
        description=(
            "For a file whose columns differ from those of all these files, in names or order: "
            "hold or accept it."
        ),
    )

    @model_validator(mode="after")
    def _possible(self) -> "HistoryLimits":
        if self.at_least > self.files:
            raise ValueError("at_least cannot be more than files: only so many are compared.")
        return self


@dataclass(frozen=True)
class FileFigures:
    """Figures of an imported file.

    `opt_outs`, `columns` and `header` (a fingerprint of names and order) are None for files of
    older versions. `changed` counts new or changed records, `missing` those of the `known` people
    of the previous file who are not in it; None if the file was not compared. Shares do not
    count records that were `left_out` for want of consent.
    """

    bytes: int
    records: int
    rejected: int
    opt_outs: int | None = None
    columns: int | None = None
    header: int | None = None
    changed: int | None = None
    missing: int | None = None
    known: int | None = None
    left_out: int = 0

    @classmethod
    def of(cls, size: int, counts: Mapping[str, int]) -> "FileFigures":
        """From the ledger: the size of a file, and its counts including `ledger_figures`."""
        return cls(
            size, counts.get("records", 0), counts.get("rejected", 0),
            counts.get("opt_outs"), counts.get("columns"), counts.get("header"),
            counts.get("changed"), counts.get("missing"), counts.get("known"),
            counts.get("left_out", 0),
        )  # fmt: skip


def ledger_figures(columns: Sequence[str], opt_outs: int, left_out: int = 0) -> dict[str, int]:
    """What the ledger stores next to the counts, to compare later files with."""
    digest = hashlib.sha256("\0".join(columns).encode()).digest()
    return {
        "opt_outs": opt_outs,
        "columns": len(columns),
        "header": int.from_bytes(digest[:6]),
    } | ({"left_out": left_out} if left_out else {})


def deviations(
    limits: HistoryLimits, now: FileFigures, history: Sequence[FileFigures]
) -> Iterator[LimitExceeded]:
    """The limits from history that a file exceeds; `history` has the newest file first."""
    last = history[: limits.files]
    if not limits.hold or len(last) < limits.at_least:
        return
    yield from _extents(limits, now, last)
    yield from _shares(limits, now, last)
    known = [each for each in last if each.header is not None]
    if (
        limits.columns == "hold"
        and len(known) >= limits.at_least
        and (now.header not in {each.header for each in known})
    ):
        had = _range([each.columns or 0 for each in known])
        yield LimitExceeded(
            "unusual_columns",
            f"Its {now.columns} columns differ from those of the last {len(known)} files ({had}) "
            "in names or order.",
        )


def _extents(
    limits: HistoryLimits, now: FileFigures, last: Sequence[FileFigures]
) -> Iterator[LimitExceeded]:
    small_before = min(each.records for each in last) < SMALL_FILE_RECORDS
    for reason, unit, value, before in (
        ("unusual_records", "records", now.records, [each.records for each in last]),
        ("unusual_size", "bytes", now.bytes, [each.bytes for each in last]),
    ):
        large = now.records >= SMALL_FILE_RECORDS and value > limits.times * max(before)
        if large or (not small_before and value < min(before) / limits.times):
            had = f"the last {len(before)} files had {_range(before)}"
            yield LimitExceeded(reason, f"The file has {value:,} {unit}; {had}.")


def _shares(
    limits: HistoryLimits, now: FileFigures, last: Sequence[FileFigures]
) -> Iterator[LimitExceeded]:
    for reason, what, points in (
        ("unusual_rejects", "records are rejected", limits.more_rejected_points),
        ("unusual_opt_outs", "records are opt-outs", limits.more_opt_out_points),
        ("unusual_changes", "records are new or changed", limits.more_changed_points),
        ("unusual_missing", "people of the previous file are missing", limits.more_missing_points),
    ):
        share = _share(now, reason, SMALL_FILE_RECORDS)
        before = [each for each in (_share(file, reason, 1) for file in last) if each is not None]
        if share is None or len(before) < limits.at_least or share <= max(before) + points:
            continue
        yield LimitExceeded(
            reason,
            f"{share:.1f} % of the {what}; in the last {len(before)} files at most "
            f"{max(before):.1f} % were.",
        )


def _share(file: FileFigures, reason: str, least: int) -> float | None:
    """The percentage for a reason; None if unknown, or if the total is below `least`."""
    counted = file.records - file.left_out
    part, total = {
        "unusual_rejects": (file.rejected, counted),
        "unusual_opt_outs": (file.opt_outs, counted),
        "unusual_changes": (file.changed, counted),
        "unusual_missing": (file.missing, file.known),
    }[reason]
    return None if part is None or total is None or total < least else 100 * part / total


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
