r"""Escape names and texts from outside; one function for each kind of output.

Names of files, folders, columns, groups, subjects and statuses come from clients and servers.
Unescaped, they could alter a line, a table or a page, load an image, or imitate another name.
Control, invisible and bidirectional characters are written as `\xNN` or `\uNNNN`.
"""

import json
import re
from typing import Any

# Rendered as nothing or as a blank, although Unicode classes them as letters, marks or symbols.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_MARKUP = re.compile(r"[<>\[\]`]")
_MARKDOWN = re.compile(
    r"""[!#$&*<>@\[\\\]^_`{|}~]          # markup, links, quotes
    | ^[-+=]+ | ^\d+[.)](?=\ |$)          # lists, and underlines of headings
    | \.(?<=www\.) | :(?=//)             # autolinked addresses
    """,
    re.VERBOSE | re.IGNORECASE,
)


def visible(text: str, *, lines: bool = False) -> str:
    """Text without control or invisible characters; for logs, errors and terminals.

    One line, unless `lines` keeps its line ends.
    """
    if text.isprintable() and not _INVISIBLE.search(text):
        return text
    return "".join(
        each if _is_visible(each) or (lines and each == "\n") else _escaped(each) for each in text
    )


def in_line(text: str) -> str:
    """Visible text in which chat and mail programs find no links, images, HTML or code; for
    states, run names and alerts."""
    return _MARKUP.sub(lambda found: _escaped(found.group()), visible(text))


def in_markdown(text: str) -> str:
    """One line of text that Markdown shows literally, also inside a table."""
    line = visible(" ".join(re.split(r"[ \t\r\n\f\v]+", text)).strip(" "))
    return _MARKDOWN.sub(_entities, line)


def in_json(value: Any, indent: int | None = 2) -> str:
    """JSON of a value, with control and invisible characters escaped, letters kept."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(
        each if _is_visible(each) or each == "\n" else json.dumps(each)[1:-1] for each in text
    )


def _is_visible(character: str) -> bool:
    return character.isprintable() and not _INVISIBLE.match(character)


def _escaped(character: str) -> str:
    escaped = character.encode("unicode_escape").decode("ascii")
    return escaped if escaped.startswith("\\") else f"\\x{ord(character):02x}"


def _entities(found: re.Match[str]) -> str:
    return "".join(f"&#{ord(each)};" for each in found.group())
