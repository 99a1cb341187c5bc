"""Summary of an export for operators: Markdown without personal data."""

from collections.abc import Mapping

from blocks.errors.shown import in_markdown
from tasks.reports.windows import Window

NOTES = {
    "statistics_expired": "messages whose statistics MailUp no longer keeps; not exported",
    "clicks_without_link": "messages whose clicks MailUp reports without links",
    "receivers_unknown": "receivers whose number no recipient of the list has",
    "replaced_characters": "characters that the encoding lacks, written as ?",
}
"""Texts of notes that are counted while reading from MailUp."""


def export_summary(
    kind: str, window: Window, result: str, notes: Mapping[str, int], steps: str
) -> str:
    """Title, result, window in UTC, notes, and the table of steps."""
    start = f"{window.start:%Y-%m-%d %H:%M:%S}" if window.start else "the beginning"
    number = f"Window {window.number}" if window.number else "Manual run"
    lines = [
        f"## {kind.replace('_', ' ')}",
        f"**{in_markdown(result)}.**",
        f"{number}: from {start} to {window.end:%Y-%m-%d %H:%M:%S} UTC (exclusive).",
        *(f"- {number} {NOTES[reason]}" for reason, number in sorted(notes.items())),
        steps,
    ]
    return "\n\n".join(filter(None, lines)) + "\n"
