"""Error texts of other systems: only known phrases are shown, never the text itself.

A server's error text may quote a person, a password or a row of a file, in any encoding and any
language, so no part of it is safe to show. What is shown comes from our own lists.
"""

from collections.abc import Iterable

MAX_READ = 10_000


def known_phrases(text: str, phrases: Iterable[str]) -> str:
    """Those of *phrases* that occur in *text*, in their own spelling and order, comma-separated.

    Case and kind of white space are ignored. "" if none occurs.
    """
    normalized = " ".join(text[:MAX_READ].split()).casefold()
    return ", ".join(phrase for phrase in phrases if phrase.casefold() in normalized)
