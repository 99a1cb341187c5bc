"""What is told about a replay: the requests of a file's day beside those of now."""

from dataclasses import asdict, dataclass

from blocks.errors.shown import in_line, in_markdown
from blocks.ledger.archives import ArchiveEntry
from tasks.records.counts import Counts
from tasks.records.stages import Prepared
from tasks.texts.markdown import markdown_table


@dataclass(frozen=True)
class Comparison:
    """How many requests were sent then, how many are made now, and how many are byte-identical.

    `left_out` rows were unchanged then and not sent, and are made now: what they were compared with
    is not at hand.
    """

    then: int
    now: int
    identical: int
    left_out: int

    @property
    def same(self) -> bool:
        """Whether every request is the one that was sent."""
        return self.then == self.now == self.identical


def replay_text(kept: ArchiveEntry, replay_with: str, comparison: Comparison) -> str:
    """What came of comparing a file, for the run's state."""
    words = {
        "its-day": f"the agreement of its day ({kept.kept_at:%Y-%m-%d})",
        "today": "today's agreement and who is unsubscribed now",
    }
    told = (
        f"{in_line(kept.name)} (file {kept.file_id}), replayed with {words[replay_with]}: "
        f"{comparison.identical} of {comparison.then} requests of that day are byte-identical, "
        f"{comparison.now} would be sent"
    )
    if kept.forgotten:
        told += f"; changed since: {kept.forgotten} records were removed to forget a person"
    if comparison.left_out:
        told += (
            f"; on that day {comparison.left_out} rows were unchanged and left out, here they are "
            "not"
        )
    return f"{told}. Nothing was sent."


def replay_summary(told: str, then: Counts, prepared: Prepared) -> str:
    """The operator's Markdown: the sentence, and the counts of then and now side by side."""
    now = asdict(prepared.counts)
    rows = [(name, number, now[name]) for name, number in asdict(then).items()]
    parts = ["## Replay", in_markdown(told), markdown_table(("outcome", "then", "now"), rows)]
    if prepared.hold:
        held = f"({prepared.hold.reason}): {prepared.hold.message}"
        parts.append(f"It would be held {in_markdown(held)}")
    parts.append("To send it once more, run this again with `send`.")
    return "\n\n".join(parts) + "\n"
