"""Removal of marks that spreadsheets, URLs, telephones and chats leave around values.

A mark is removed only where it cannot be part of the value. Functions for a single cell are slow:
callers select the cells that need them.
"""

import re
import unicodedata
from collections.abc import Callable

import polars as pl

from tasks.records.mapping.cells import INVISIBLE

_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_BLANKS = "\t\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
UNSEEN = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)
"""Zero-width characters and marks of writing direction."""
TURNING = re.compile("[\u202b\u202e\u2067]")
"""Marks behind which text is displayed in another order than it is stored."""

_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
_QUOTES = ("''", '""', "“”", "‘’", "«»", "„“", "‚‘", "‹›", "””", "’’")
_MARKERS = ("'", "\u2018", "\u2019", "\uff07")
"""The text marker of spreadsheets, as typed and as autocorrected."""
_NUMBER_BEHIND_MARKER = re.compile(r"'(\+?[0-9]{3,}|)")
_MOST_LAYERS = 4

_HIDDEN = (
    rf"^[{re.escape(INVISIBLE)}]|[{re.escape(INVISIBLE)}]$|[\u0300-\u036f\u1100-\u11ff\u3099\u309a]"
)
"""Invisible characters at an end, combining accents, decomposed Korean and Japanese letters."""

_DASHES = str.maketrans(dict.fromkeys(_HYPHENS, "-"))
_SPACES = str.maketrans(dict.fromkeys(_BLANKS, " "))


def each_once(cells: pl.Series, read: Callable[[str], str | None]) -> pl.Series:
    """Apply `read` to each distinct cell once; null stays null."""
    distinct = cells.drop_nulls().unique()
    known = {cell: read(cell) for cell in distinct}
    return cells.replace_strict(known, default=None, return_dtype=pl.String)


def read_again(cells: pl.Series, doubtful: pl.Series, read: Callable[[str], str]) -> pl.Series:
    """Apply `read` to the cells of the mask `doubtful`; the others are unchanged."""
    places = doubtful.arg_true()
    if places.is_empty():
        return cells
    # A clone, for scatter changes the series itself.
    return cells.clone().scatter(places, each_once(cells.gather(places), read))


def unwrapped(cell: str) -> str:
    """Remove `="..."`, a text marker, quotes and invisible characters around a value."""
    for _ in range(_MOST_LAYERS):
        inner = _without_layer(cell.strip(INVISIBLE))
        if inner == cell:
            return cell
        cell = inner
    return cell


def _without_layer(cell: str) -> str:
    if formula := _FORMULA.fullmatch(cell):
        return formula[1].replace('""', '"')
    if len(cell) > 1 and cell[0] + cell[-1] in _QUOTES:
        return cell[1:-1]
    return cell[1:] if cell.startswith(_MARKERS) else cell


def in_nfc(cells: pl.Series) -> pl.Series:
    """Convert texts to NFC, without invisible characters at both ends."""
    if not cells.unique().str.contains(_HIDDEN).any():
        return cells
    return each_once(cells, lambda cell: unicodedata.normalize("NFC", cell.strip(INVISIBLE)))


def may_be_marked(texts: pl.Expr) -> pl.Expr:
    """Which texts `without_marker` or `nothing_or_itself` may change."""
    return texts.str.starts_with('="') | texts.str.starts_with("'")


def without_marker(text: str) -> str:
    """Remove the `="..."` or the text marker of a field's text.

    An apostrophe is a marker only before a number: 's-Hertogenbosch starts with one.
    """
    formula = _FORMULA.fullmatch(text)
    text = formula[1].replace('""', '"') if formula else text
    marked = _NUMBER_BEHIND_MARKER.fullmatch(text)
    return marked[1] if marked else text


def nothing_or_itself(cell: str) -> str:
    """The cell; empty if there is nothing between its marks, as in `=""`."""
    return cell if unwrapped(cell) else ""


def digits_and_signs(cell: str) -> str | None:
    """A number or date with ASCII hyphens and blanks; None if displayed in another order."""
    if TURNING.search(cell):
        return None
    text = unwrapped(cell).translate(_DASHES).translate(_SPACES)
    return re.sub(" +", " ", UNSEEN.sub(" ", text)).strip()


def compared(text: str) -> str:
    """A name for comparison: NFC, case folded, plain blanks, without invisible characters."""
    seen = UNSEEN.sub("", text.translate(_SPACES))
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", seen).casefold()).strip(
        INVISIBLE
    )


def without_blanks(text: str) -> str:
    """A text for comparison with texts that mean nothing: lower case, without white space."""
    return "".join(text.split()).lower()


def is_sound_name(text: str) -> bool:
    """Whether a text may become a new name: no invisible characters, no mark before it."""
    return not UNSEEN.search(text) and not text.startswith((*_MARKERS, "="))
