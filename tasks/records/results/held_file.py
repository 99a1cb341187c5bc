"""The list of a held file's rejects: shows what to correct, and is never sent itself."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from tasks.records.reading.dialect import FileDialect
from tasks.records.reading.header import HELD_LIST
from tasks.records.results.reasons import Language
from tasks.records.results.reject_file import write_rejects

HELD_ENDING = ".held.csv"
MOST_HELD = 1_000
"""Maximum number of records in the list."""

_SENTENCES: dict[Language, str] = {
    "en": "{mark}. It is held ({reason}). Below are {listed:,} of its {rejected:,} rejected "
    "records: correct the whole file and send it again, not this list.",
    "it": "{mark}. Il file è trattenuto ({reason}). Seguono {listed:,} dei suoi {rejected:,} "
    "record scartati: correggete l'intero file e rimandatelo, non questo elenco.",
}


def write_held(
    path: Path,
    rejects: Iterable[pl.DataFrame],
    dialect: FileDialect,
    language: Language,
    *,
    reason: str,
    rejected: int,
) -> None:
    """Write the first rejects of a held file like a reject file, below a line that explains it.

    `rejected`: total number of rejects; `reason`: code of the hold.
    """
    sentence = _SENTENCES[language].format(
        mark=HELD_LIST[language],
        reason=reason,
        listed=min(rejected, MOST_HELD),
        rejected=rejected,
    )
    write_rejects(path, _first(rejects), dialect, language, above=sentence)


def _first(rejects: Iterable[pl.DataFrame]) -> Iterable[pl.DataFrame]:
    left = MOST_HELD
    for frame in rejects:
        yield frame.head(left)
        left -= frame.height
        if left <= 0:
            return
