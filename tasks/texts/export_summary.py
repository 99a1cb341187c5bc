"""What an operator is told about an export: Markdown without personal data."""

from collections.abc import Mapping

from blocks.errors.shown import in_markdown
from tasks.reports.windows import Window

NOTES = {
    "statistics_expired": "messages whose statistics MailUp no longer keeps; not exported",
    "clicks_without_link": "messages whose clicks MailUp tells without links",
    "receivers_unknown": "receivers of messages that no recipient of the list has as a number",
    "replaced_characters": "characters that the encoding lacks, written as ?",
}
"""What is noted while MailUp is walked."""


def export_summary(
    kind: str, window: Window, told: str, notes: Mapping[str, int], steps: str
) -> str:
    """A title, the window in UTC, what was delivered, what there is to know, the table of steps."""
    start = f"{window.start:%Y-%m-%d %H:%M:%S}" if window.start else "the beginning"
    number = f"Window {window.number}" if window.number else "By hand"
    lines = [
        f"## {kind.replace('_', ' ')}",
        f"**{in_markdown(told)}.**",
        f"{number}: from {start} to {window.end:%Y-%m-%d %H:%M:%S} UTC, the end not included.",
        *(f"- {number} {NOTES[reason]}" for reason, number in sorted(notes.items())),
        steps,
    ]
    return "\n\n".join(filter(None, lines)) + "\n"
