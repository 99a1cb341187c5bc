"""Texts about failed runs; never a value of a record."""

import traceback
from collections.abc import Sequence
from pathlib import Path

from blocks.errors import Defect, SyncError
from blocks.errors.shown import in_markdown

_ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("flows", "tasks", "blocks")
PLACES = 3
"""How many places of the code are reported of an unexpected error, the innermost first."""


def defect(error: Exception) -> Defect:
    """An unexpected error as a Defect with type and location: its text may quote a record."""
    places = [
        f"{path.relative_to(_ROOT)}:{frame.lineno}"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
        if (path := Path(frame.filename)).is_relative_to(_ROOT)
        and path.relative_to(_ROOT).parts[0] in PACKAGES
    ]
    where = ", called from ".join(places[:PLACES])
    return Defect(f"an unexpected {type(error).__name__}{f' in {where}' if where else ''}.")


def failure_message(error: SyncError, step: str) -> str:
    """The step, what happened, and what to do."""
    where = f"{step}: " if step else ""
    return f"{where}{error} {error.what_next}"


def failure_summary(run: str, message: str, steps: str, blocks: Sequence[str]) -> str:
    """Summary for operators: what happened, the steps until then, and the blocks used."""
    named = "Blocks: " + ", ".join(map(in_markdown, blocks)) if blocks else ""
    parts = (f"## {in_markdown(run)}", "**Failed.**", f"> {in_markdown(message)}", steps, named)
    return "\n\n".join(filter(None, parts)) + "\n"
