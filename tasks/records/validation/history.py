"""When a file is so unlike the client's last ones that it is held as a whole.

Measured are size, records, the shares of rejects and of opt-outs, the columns and, where a full
file is compared with the one before (delta), how many rows are new or changed and how many people
are missing. Without that comparison nobody can tell: the ledger keeps no addresses.
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
"""Codes of what is told here."""
SMALL_FILE_RECORDS = 100
"""A file with fewer records is neither too large nor too full of rejects for a habit, and one with
more is not too small beside files that have fewer."""


class HistoryLimits(Settings, title="Habit"):
    """How far a file may be from the client's last ones before it is held."""

    hold: bool = Field(
        default=True, description="Whether a file that is unlike the client's last ones is held."
    )
    files: int = Field(
        default=10, ge=2, le=100, description="How many of the files imported last are looked at."
    )
    at_least: int = Field(
        default=5,
        ge=2,
        le=100,
        description="No file is held for being unusual before so many were imported.",
    )
    times: float = Field(
        default=5,
        gt=1,
        le=1000,
        description=(
            "A file is held when it has so many times more records or bytes than the largest of "
            "those files, or so many times fewer than the smallest."
        ),
    )
    more_rejected_points: float = Field(
        default=10,
        ge=0,
        le=100,
        description=(
            "A file is held when its share of rejected records is so many percentage points above "
            "the highest of those files."
        ),
    )
    more_opt_out_points: float = Field(
        default=10,
        ge=0,
        le=100,
        description=(
            "A file is held when its share of records that unsubscribe people is so many "
            "percentage points above the highest of those files."
        ),
    )
    more_changed_points: float = Field(
        default=30,
        ge=0,
        le=100,
        description=(
            "With delta.on, a file is held when its share of records that are new or changed is "
            "so many percentage points above the highest of those files."
        ),
    )
    more_missing_points: float = Field(
        default=10,
        ge=0,
        le=100,
        description=(
            "With delta.on, a file is held when the share of people of the file before who are "
            "missing in it is so many percentage points above the highest of those files."
        ),
    )
    columns: Literal["hold", "accept"] = Field(
        default="hold",
        description=(
            "What happens to a file that can be read but whose columns none of those files had, "
            "for names or their order have changed."
        ),
    )

    @model_validator(mode="after")
    def _possible(self) -> "HistoryLimits":
        if self.at_least > self.files:
            raise ValueError("at_least cannot be more than files: that many are never looked at.")
        return self


@dataclass(frozen=True)
class FileFigures:
    """What a file looked like. `opt_outs`, `columns` and `header` (a fingerprint of the names in
    their order) are None for files that were imported before they were noted. `changed` counts
    records that are new or changed, `missing` those of the `known` people of the file before who
    are not in it; None for files that were not compared."""

    bytes: int
    records: int
    rejected: int
    opt_outs: int | None = None
    columns: int | None = None
    header: int | None = None
    changed: int | None = None
    missing: int | None = None
    known: int | None = None

    @classmethod
    def of(cls, size: int, counts: Mapping[str, int]) -> "FileFigures":
        """From what the ledger holds of a file: its size, and counts with `noted` among them."""
        return cls(
            size, counts.get("records", 0), counts.get("rejected", 0),
            counts.get("opt_outs"), counts.get("columns"), counts.get("header"),
            counts.get("changed"), counts.get("missing"), counts.get("known"),
        )  # fmt: skip


def noted(columns: Sequence[str], opt_outs: int) -> dict[str, int]:
    """What is kept of a file beside its counts, so that later ones can be compared with it."""
    digest = hashlib.sha256("\0".join(columns).encode()).digest()
    return {
        "opt_outs": opt_outs,
        "columns": len(columns),
        "header": int.from_bytes(digest[:6]),
    }


def deviations(
    habit: HistoryLimits, now: FileFigures, former: Sequence[FileFigures]
) -> Iterator[LimitExceeded]:
    """What makes a file unlike the ones before it; `former` are these, newest first."""
    last = former[: habit.files]
    if not habit.hold or len(last) < habit.at_least:
        return
    yield from _extents(habit, now, last)
    yield from _shares(habit, now, last)
    known = [each for each in last if each.header is not None]
    if (
        habit.columns == "hold"
        and len(known) >= habit.at_least
        and (now.header not in {each.header for each in known})
    ):
        had = _range([each.columns or 0 for each in known])
        yield LimitExceeded(
            "unusual_columns",
            f"Its {now.columns} columns are not those of the last {len(known)} files ({had}): "
            "names or their order have changed.",
        )


def _extents(
    habit: HistoryLimits, now: FileFigures, last: Sequence[FileFigures]
) -> Iterator[LimitExceeded]:
    small_before = min(each.records for each in last) < SMALL_FILE_RECORDS
    for reason, unit, value, before in (
        ("unusual_records", "records", now.records, [each.records for each in last]),
        ("unusual_size", "bytes", now.bytes, [each.bytes for each in last]),
    ):
        large = now.records >= SMALL_FILE_RECORDS and value > habit.times * max(before)
        if large or (not small_before and value < min(before) / habit.times):
            had = f"the last {len(before)} files had {_range(before)}"
            yield LimitExceeded(reason, f"The file has {value:,} {unit}; {had}.")


def _shares(
    habit: HistoryLimits, now: FileFigures, last: Sequence[FileFigures]
) -> Iterator[LimitExceeded]:
    for reason, what, points in (
        ("unusual_rejects", "records are rejected", habit.more_rejected_points),
        ("unusual_opt_outs", "records are opt-outs", habit.more_opt_out_points),
        ("unusual_changes", "records are new or changed", habit.more_changed_points),
        ("unusual_missing", "people of the file before are missing", habit.more_missing_points),
    ):
        share = _share(now, reason, SMALL_FILE_RECORDS)
        before = [each for each in (_share(file, reason, 1) for file in last) if each is not None]
        if share is None or len(before) < habit.at_least or share <= max(before) + points:
            continue
        yield LimitExceeded(
            reason,
            f"{share:.1f} % of the {what}; in the last {len(before)} files at most "
            f"{max(before):.1f} % were.",
        )


def _share(file: FileFigures, reason: str, least: int) -> float | None:
    """The percentage that a complaint is about; None where it is not known, or where the whole is
    less than `least`, of which a share says nothing."""
    part, whole = {
        "unusual_rejects": (file.rejected, file.records),
        "unusual_opt_outs": (file.opt_outs, file.records),
        "unusual_changes": (file.changed, file.records),
        "unusual_missing": (file.missing, file.known),
    }[reason]
    return None if part is None or whole is None or whole < least else 100 * part / whole


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
