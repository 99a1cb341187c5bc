"""Markdown of results and artifacts."""

from collections.abc import Iterable
from typing import Any

from blocks.errors.shown import in_markdown


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """A table; special characters in cells are escaped."""
    cells = [map(in_markdown, map(str, line)) for line in (head, *rows)]
    lines = [" | ".join(line) for line in cells]
    lines.insert(1, " | ".join("---" for _ in head))
    return "\n".join(f"| {line} |" for line in lines)
