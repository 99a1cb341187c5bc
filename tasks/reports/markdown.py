"""Markdown of results and artifacts."""

from collections.abc import Iterable
from typing import Any


def table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """A table; what would end a cell or a line inside a cell is written in its place."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: Any) -> str:
    return " ".join(str(value).replace("|", "/").split())
