"""Result of a replay: the original requests compared with those of now."""

from dataclasses import asdict, dataclass

from blocks.errors.shown import in_line, in_markdown
from blocks.ledger.archives import ArchiveEntry
from tasks.records.counts import Counts
from tasks.records.stages import Prepared
from tasks.texts.markdown import markdown_table


@dataclass(frozen=True)
class Comparison:
    """Number of requests sent originally and made now, and how many are byte-identical.

    `left_out`: rows that were unchanged originally but are sent now because the snapshot is not
    available.
    """

    then: int
    now: int
    identical: int
    left_out: int

    @property
    def same(self) -> bool:
        """Whether all requests are identical."""
        return self.then == self.now == self.identical


def replay_text(kept: ArchiveEntry, replay_with: str, comparison: Comparison) -> str:
    """The result as the message of the run's state."""
    words = {
        "its-day": f"its original agreement ({kept.kept_at:%Y-%m-%d})",
        "today": "today's agreement and unsubscribed people",
    }
    text = (
        f"{in_line(kept.name)} (file {kept.file_id}), replayed with {words[replay_with]}: "
        f"{comparison.identical} of {comparison.then} original requests are byte-identical, "
        f"{comparison.now} would be sent"
    )
    if kept.forgotten:
        text += f"; changed since: {kept.forgotten} records were erased"
    if comparison.left_out:
        text += f"; {comparison.left_out} rows that were unchanged originally are sent now"
    return f"{text}. Nothing was sent."


def replay_summary(text: str, then: Counts, prepared: Prepared) -> str:
    """Summary for operators: the sentence, and the counts of then and now."""
    now = asdict(prepared.counts)
    rows = [(name, number, now[name]) for name, number in asdict(then).items()]
    parts = ["## Replay", in_markdown(text), markdown_table(("outcome", "then", "now"), rows)]
    if prepared.hold:
        held = f"({prepared.hold.reason}): {prepared.hold.message}"
        parts.append(f"It would be held {in_markdown(held)}")
    parts.append("To import the file again, run this with `send`.")
    return "\n\n".join(parts) + "\n"
