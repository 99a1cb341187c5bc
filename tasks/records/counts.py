"""What became of each record of a file, and the law that the counts obey."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from blocks.errors import CountsDiffer


@dataclass(frozen=True)
class Counts:
    """Records of one file by outcome; `records` counts what the file holds below its header."""

    records: int = 0
    submitted: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: int = 0
    blocked: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Counts":
        """From what the ledger holds, which may be more."""
        return cls(**{f.name: counts.get(f.name, 0) for f in fields(cls)})

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    def refused(self, records: int) -> "Counts":
        """These counts after MailUp refused so many of the submitted records."""
        return replace(self, submitted=self.submitted - records, rejected=self.rejected + records)

    def left_out(self, records: int) -> "Counts":
        """These counts after so many of the submitted records were not sent for consent's sake."""
        return replace(self, submitted=self.submitted - records, blocked=self.blocked + records)

    def conserved(self) -> "Counts":
        """Return these counts, or raise CountsDiffer where a record is unaccounted for."""
        outcomes = self.submitted + self.unchanged + self.duplicate + self.rejected + self.blocked
        if outcomes != self.records:
            raise CountsDiffer(
                f"The file holds {self.records} records but {outcomes} have an outcome. Nothing is "
                "reported as done; keep the file and report this as a defect.",
                **asdict(self),
            )
        return self
