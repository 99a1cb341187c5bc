"""Statistics of the cells of a column: shares of addresses, numbers, dates and flags."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import phonenumbers
import polars as pl

from tasks.records.mapping import dates, emails, marks, phones
from tasks.records.mapping.cells import UNREADABLE, blank_to_null, trimmed

REGIONS = ("IT", "DE", "FR", "ES", "GB", "CH", "AT", "NL", "US")
"""Countries that are tried for numbers without prefix; others have to be given."""

_DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%Y%m%d",
)  # fmt: skip
_TIMES = ("", " %H:%M:%S", "T%H:%M:%S", " %H:%M", "T%H:%M")
FORMATS = tuple(day + time for time, day in product(_TIMES, _DAYS))

_YES_AND_NO = frozenset(
    (
        "1", "0", "2", "-1", "true", "false", "yes", "no", "y", "n", "si", "sì", "s", "ja", "nein",
        "nej", "j", "oui", "non", "o", "sim", "não", "nao", "sí", "tak", "nie", "ano", "ne", "da",
        "nu", "x", "on", "off", "t", "f", "v", "vero", "falso", "vrai", "faux", "verdadero", "wahr",
        "falsch", "waar", "onwaar",
    )
)  # fmt: skip
_CONSENT_WORDS = (
    "subscri", "iscri", "abon", "confirm", "consent", "consen", "autori", "granted", "withdrawn",
    "opt", "active", "attiv", "aktiv", "clean", "bounce", "cancel", "annull", "angemeldet",
    "abgemeldet", "pending", "never", "refus", "accept", "accett", "accord",
)  # fmt: skip
"""Beginnings of words that are about consent; all in lower case."""

_SIGNS = (":::", ";", "|", ",")
"""Signs between several values of a cell, as shops and address books write them."""
_SOMETIMES = 0.1
_FEW_VALUES, _FEW_NUMBERS = 8, 50
_LIKELY = 0.5
_CALLING_CODE = r"^(?:\+|00)?[1-9][0-9]{0,3}$"


@dataclass(frozen=True)
class Contents:
    """Statistics of the filled cells of one column; shares are between 0 and 1.

    `mobiles`: share of mobile numbers, by region assumed for numbers without prefix. `local`: share
    of cells without prefix in the cell or its row. `formats`: share of cells per date format.
    `values`: distinct cells in lower case with their number, if there are few, as for flags or ids.
    `blank`: number of empty cells. `sign`: a sign between several values that many cells have.
    """

    filled: int
    blank: int
    addresses: float
    mobiles: dict[str, float]
    local: float
    prefixes: float
    whole_numbers: float
    formats: dict[str, float]
    values: dict[str, int]
    longest: int
    sign: str = ""

    @property
    def about_consent(self) -> bool:
        """Whether every value is a yes, a no, or has a word about consent."""
        return bool(self.values) and all(map(_is_about_consent, self.values))

    @property
    def repeated(self) -> bool:
        """Whether there are few values, of which some occur often."""
        return bool(self.values) and (len(self.values) == 1 or self.filled > len(self.values))


def _is_about_consent(value: str) -> bool:
    return value in _YES_AND_NO or any(
        word.startswith(_CONSENT_WORDS) for word in value.replace("_", " ").split()
    )


def contents(
    cells: pl.Series, prefixes: pl.Series | None = None, regions: Sequence[str] = REGIONS
) -> Contents:
    """Collect the statistics of a column (text, empty for blank), given the prefix column."""
    frame = pl.DataFrame({"cell": cells, "prefix": prefixes if prefixes is not None else None})
    frame = frame.cast(pl.String).with_columns(marks.each_once(frame["cell"], marks.unwrapped))
    frame = frame.select(blank_to_null(trimmed(pl.all()))).drop_nulls("cell")
    filled, text = frame.height, frame["cell"]
    blank = len(cells) - filled
    lower, beside = text.str.to_lowercase(), pl.lit(frame["prefix"])
    whole = _share(pl.lit(text).str.contains(r"^[0-9]{1,9}$"), filled)
    few = lower.n_unique() <= (_FEW_NUMBERS if whole == 1 else _FEW_VALUES)
    return Contents(
        filled=filled,
        blank=blank,
        addresses=_share(pl.lit(emails.normalised(lower)) != UNREADABLE, filled),
        mobiles=dict(_mobiles(text, frame["prefix"], regions)),
        local=_share(~pl.lit(text).str.contains(r"^(?:\+|00)") & beside.is_null(), filled),
        prefixes=_share(_is_prefix(text), filled),
        whole_numbers=whole,
        formats=dict(_formats(text)),
        values=dict(lower.value_counts(sort=True).iter_rows()) if few else {},
        sign=_sign_between(text),
        longest=int(text.str.len_chars().max() or 0) if filled else 0,  # type: ignore[arg-type]
    )


def _sign_between(text: pl.Series) -> str:
    """The sign that most cells have, if it is not just in a few of them."""
    counted = {sign: int(text.str.contains(sign, literal=True).sum()) for sign in _SIGNS}
    sign = max(counted, key=lambda each: counted[each])
    return sign if counted[sign] > _SOMETIMES * len(text) else ""


def _share(matches: pl.Expr, filled: int) -> float:
    return float(pl.select(matches.fill_null(False).sum()).item()) / filled if filled else 0.0


def _mobiles(
    text: pl.Series, prefixes: pl.Series, regions: Sequence[str]
) -> Iterator[tuple[str, float]]:
    # Columns of mostly letters are not parsed: each cell would be tried in every region.
    digits = _share(pl.lit(text).str.contains(r"^[+(]?[0-9][0-9\s().\-/]{5,20}$"), len(text))
    for region in regions if digits >= _LIKELY else ():
        read = phones.prefix_and_number(text, prefixes, region)
        good = (pl.lit(read["number"]) != UNREADABLE) & (pl.lit(read["prefix"]) != UNREADABLE)
        if share := _share(good, len(text)):
            yield region, share


def _is_prefix(text: pl.Series) -> pl.Expr:
    codes = [str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE]
    cells = pl.lit(text)
    bare = cells.str.replace(r"^(?:\+|00)", "")
    return cells.str.contains(_CALLING_CODE) & bare.is_in(codes)


def _formats(text: pl.Series) -> Iterator[tuple[str, float]]:
    if not _share(
        pl.lit(text).str.contains(r"^[0-9]{1,4}[./\-]?[0-9]{1,2}[./\-]?[0-9]"), len(text)
    ):
        return
    for written in FORMATS:
        read = dates.rewritten(text, written, "", two_digit_years=dates.PAST)
        share = _share(pl.lit(read) != UNREADABLE, len(text))
        if share:
            yield written, share
