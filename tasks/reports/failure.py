"""What is told about a run that cannot go on. Never anything of a record."""

from collections.abc import Sequence

from blocks.errors import SyncError

UNKNOWN = (
    "That is a defect, or something nobody thought of. What was done is kept, and the next run "
    "goes on from there; the run's log shows where it happened: report it."
)


def failure_message(error: Exception, step: str) -> str:
    """At which step, what happened and what to do; of an error that is not ours only its kind.

    Our errors never carry a value of a record; a library's may.
    """
    where = f"{step}: " if step else ""
    if isinstance(error, SyncError):
        return f"{where}{error} {error.what_next}"
    return f"{where}the error is a {type(error).__name__}. {UNKNOWN}"


def failure_summary(run: str, told: str, steps: str, blocks: Sequence[str]) -> str:
    """The operator's Markdown: what happened, what was done until then, with which blocks."""
    named = "Blocks: " + ", ".join(f"`{block}`" for block in blocks) if blocks else ""
    parts = (f"## {run}", "**Failed.**", "> " + " ".join(told.split()), steps, named)
    return "\n\n".join(filter(None, parts)) + "\n"
