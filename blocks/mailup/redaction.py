"""The one place where text written by MailUp is made fit for a log line."""

import re
from collections.abc import Iterable

MAX_CHARACTERS = 200

_EMAIL = re.compile(r"[^\s'\"<>(),;:=]+@[^\s'\"<>(),;]+")
# Six digits and more may be a phone number; ids and codes of interest are shorter.
_LONG_NUMBER = re.compile(r"\+?\d(?:[ .-]?\d){5,}")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\u201c[^\u201d]*\u201d")


def redacted(text: str, hidden: Iterable[str] = (), *, quotes_data: bool = False) -> str:
    """*text* on one line, cut, without e-mail addresses, phone numbers and *hidden* values.

    *quotes_data*: the request carried recipients, so whatever the text quotes is left out too.
    """
    for value in sorted(hidden, key=len, reverse=True):
        text = text.replace(value, "***")
    text = _EMAIL.sub("<e-mail>", text)
    text = _LONG_NUMBER.sub("<number>", text)
    if quotes_data:
        text = _QUOTED.sub("<value>", text)
    text = " ".join(text.split())
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"
