"""The question about a held file, as Markdown above the form; no personal data."""

from blocks.errors.shown import in_markdown
from tasks.records.results.reasons import sentence
from tasks.records.stages import FileOutcome, Hold
from tasks.texts.markdown import markdown_table


def question(outcome: FileOutcome, hold: Hold, *, days: int) -> str:
    """The file, why it is held with all figures and reasons, and the effect of each answer."""
    counts = outcome.counts
    lines = [
        f"**{in_markdown(outcome.name)}** is held, and nothing of it was sent.",
        f"> {in_markdown(hold.message.removesuffix(' Nothing of it was sent.'))}",
        f"Release imports {counts.submitted:,} of its {counts.records:,} records; refuse moves the "
        "file. Later files wait.",
        f"Without an answer this run ends in {days} days, and the next one asks again.",
    ]
    if outcome.reasons:
        rows = [(code, n, sentence(code, "en")) for code, n in sorted(outcome.reasons.items())]
        lines.insert(2, markdown_table(("reason", "records", "meaning"), rows))
    return "\n\n".join(lines) + "\n"
