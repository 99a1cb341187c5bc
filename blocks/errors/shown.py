r"""What others have named or written, as it is shown: one function for each place where it goes.

Files, folders, columns, groups, subjects, statuses are whatever a client or a server likes. Shown
as they are, they could change what a line, a table or a page says, fetch a picture, or look like
another name. Control, invisible and bidirectional characters are written as `\xNN` or `\uNNNN`.
"""

import json
import re
from typing import Any

# Blank, or nothing at all, although Unicode counts them among letters, marks and symbols.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_MARKUP = re.compile(r"[<>\[\]`]")
_MARKDOWN = re.compile(
    r"""[!#$&*<>@\[\\\]^_`{|}~]          # what marks, links or quotes
    | ^[-+=]+ | ^\d+[.)](?=\ |$)          # lists, and underlines of headings
    | \.(?<=www\.) | :(?=//)             # what is taken for an address without being marked
    """,
    re.VERBOSE | re.IGNORECASE,
)


def visible(text: str, *, lines: bool = False) -> str:
    """Text in which every character is seen; for logs, errors and terminals.

    One line, unless `lines` keeps its line ends.
    """
    if text.isprintable() and not _UNSEEN.search(text):
        return text
    return "".join(
        each if _is_seen(each) or (lines and each == "\n") else _escaped(each) for each in text
    )


def in_line(text: str) -> str:
    """The same without what chat and mail programs take for links, pictures, HTML or code; for
    states, names of runs, and alerts."""
    return _MARKUP.sub(lambda found: _escaped(found.group()), visible(text))


def in_markdown(text: str) -> str:
    """Text that Markdown shows as it is, in one line, wherever it stands, in a table, too."""
    line = visible(" ".join(re.split(r"[ \t\r\n\f\v]+", text)).strip(" "))
    return _MARKDOWN.sub(_entities, line)


def in_json(value: Any, indent: int | None = 2) -> str:
    """JSON of the same value, in which every character is seen and letters are as they are."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(
        each if _is_seen(each) or each == "\n" else json.dumps(each)[1:-1] for each in text
    )


def _is_seen(character: str) -> bool:
    return character.isprintable() and not _UNSEEN.match(character)


def _escaped(character: str) -> str:
    escaped = character.encode("unicode_escape").decode("ascii")
    return escaped if escaped.startswith("\\") else f"\\x{ord(character):02x}"


def _entities(found: re.Match[str]) -> str:
    return "".join(f"&#{ord(each)};" for each in found.group())
