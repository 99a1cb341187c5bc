"""What is told about a run that cannot go on. Never anything of a record."""

import traceback
from collections.abc import Sequence
from pathlib import Path

from blocks.errors import Defect, SyncError
from blocks.errors.shown import in_markdown

_ROOT = Path(__file__).resolve().parents[2]
OURS = ("flows", "tasks", "blocks")
PLACES = 3
"""How many places of our code are told of an error that nobody foresaw, the innermost first."""


def defect(error: Exception) -> Defect:
    """An error that is not ours, by its kind and place: its text may quote a record."""
    places = [
        f"{path.relative_to(_ROOT)}:{frame.lineno}"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
        if (path := Path(frame.filename)).is_relative_to(_ROOT)
        and path.relative_to(_ROOT).parts[0] in OURS
    ]
    where = ", called from ".join(places[:PLACES])
    return Defect(f"an unforeseen {type(error).__name__}{f' in {where}' if where else ''}.")


def failure_message(error: SyncError, step: str) -> str:
    """At which step, what happened, and what to do."""
    where = f"{step}: " if step else ""
    return f"{where}{error} {error.what_next}"


def failure_summary(run: str, told: str, steps: str, blocks: Sequence[str]) -> str:
    """The operator's Markdown: what happened, what was done until then, with which blocks."""
    named = "Blocks: " + ", ".join(map(in_markdown, blocks)) if blocks else ""
    parts = (f"## {in_markdown(run)}", "**Failed.**", f"> {in_markdown(told)}", steps, named)
    return "\n\n".join(filter(None, parts)) + "\n"
