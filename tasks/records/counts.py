"""Counts of records by outcome, and the check that they add up."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from blocks.errors import CountsDiffer


@dataclass(frozen=True)
class Counts:
    """Records of one file by outcome; `records` counts all records below the header."""

    records: int = 0
    submitted: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: int = 0
    blocked: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Counts":
        """From the counts in the ledger, which may have more keys."""
        return cls(**{f.name: counts.get(f.name, 0) for f in fields(cls)})

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    def refused(self, records: int) -> "Counts":
        """These counts after MailUp rejected some of the submitted records."""
        return replace(self, submitted=self.submitted - records, rejected=self.rejected + records)

    def left_out(self, records: int) -> "Counts":
        """These counts after consent blocked some of the submitted records."""
        return replace(self, submitted=self.submitted - records, blocked=self.blocked + records)

    def conserved(self) -> "Counts":
        """Return these counts, or raise CountsDiffer if they do not add up."""
        outcomes = self.submitted + self.unchanged + self.duplicate + self.rejected + self.blocked
        if outcomes != self.records:
            raise CountsDiffer(
                f"The file has {self.records} records but {outcomes} have an outcome. Nothing is "
                "reported as done; keep the file and report this as a defect.",
                **asdict(self),
            )
        return self
