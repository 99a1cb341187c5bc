"""What is told about a replay: the requests of a file's day beside those of now."""

from dataclasses import asdict, dataclass

from blocks.ledger.archives import ArchiveEntry
from tasks.records.handover import Prepared
from tasks.records.verdict import Counts


@dataclass(frozen=True)
class Comparison:
    """How many requests were sent then, how many are made now, and how many are byte-identical."""

    then: int
    now: int
    identical: int

    @property
    def same(self) -> bool:
        """Whether every request is the one that was sent."""
        return self.then == self.now == self.identical


def sentence(
    kept: ArchiveEntry, replay_with: str, comparison: Comparison, unchanged: int = 0
) -> str:
    """What came of comparing a file, for the run's state; `unchanged` rows were not sent then."""
    words = {
        "its-day": f"the agreement of its day ({kept.kept_at:%Y-%m-%d})",
        "today": "today's agreement and who is unsubscribed now",
    }
    told = (
        f"{kept.name} (file {kept.file_id}), replayed with {words[replay_with]}: "
        f"{comparison.identical} of {comparison.then} requests of that day are byte-identical, "
        f"{comparison.now} would be sent"
    )
    if kept.forgotten:
        told += f"; changed since: {kept.forgotten} records were removed to forget a person"
    if unchanged:
        told += f"; on that day {unchanged} rows were unchanged and left out, here they are not"
    return f"{told}. Nothing was sent."


def summary(told: str, then: Counts, prepared: Prepared) -> str:
    """The operator's Markdown: the sentence, and the counts of then and now side by side."""
    now = asdict(prepared.counts)
    rows = [f"| {name} | {number} | {now[name]} |" for name, number in asdict(then).items()]
    parts = [f"## Replay\n\n{told}", "| outcome | then | now |\n| --- | --- | --- |", *rows]
    if prepared.hold:
        parts.append(f"\nIt would be held ({prepared.hold.reason}): {prepared.hold.message}")
    parts.append("\nTo send it once more, run this again with `send`.")
    return "\n".join(parts) + "\n"
