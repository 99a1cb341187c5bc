"""Texts of other systems: shown is what we know by heart, never what they wrote.

A server's error text may quote a person, a password or a row of a file, in any encoding and any
language, so nothing that is cut out of it is safe to show. What is shown comes from lists of ours.
"""

from collections.abc import Iterable

MAX_READ = 10_000


def known_phrases(text: str, phrases: Iterable[str]) -> str:
    """Those of *phrases* that occur in *text*, in their own spelling and order, by commas.

    Letter case and kinds of blanks make no difference. "" where none occurs.
    """
    plain = " ".join(text[:MAX_READ].split()).casefold()
    return ", ".join(phrase for phrase in phrases if phrase.casefold() in plain)
