"""Proposes a target for each column of a sample, with confidence and open questions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.records.onboarding.column_names import Hint, hint, is_technical
from tasks.records.onboarding.consent_columns import is_consent_column
from tasks.records.onboarding.contents import Contents

CONFIDENT = 0.8
"""Minimum confidence of a proposal that is used; others are left out, or become questions."""

_LIKELY = 0.5
EMPTY = "empty in the sample"
MOST = 0.99
"""Maximum confidence without an answer of the operator."""

_CLEARLY = 0.05
_ALONE = 0.9
_UNNAMED = {"email": 0.95, "mobile": 0.8}
"""Maximum confidence from contents alone: a column of numbers may also be fax numbers."""


@dataclass(frozen=True)
class ColumnProposal:
    """A proposal for one column: the settings of a mapping's column, without its name.

    `confidence` is between 0 and 1. `why`: the evidence, without any cell. `ask`: the question to
    be answered before it is used, or empty. `alike`: the date formats that read it equally well;
    `regions`: the countries to which its numbers may belong; `signs`: those that may stand between
    several groups.
    """

    column: str
    settings: dict[str, Any] = field(default_factory=dict)
    confidence: float = 0.0
    why: str = ""
    ask: str = ""
    alike: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()

    @property
    def used(self) -> bool:
        """Whether the confidence is high enough to use it."""
        return bool(self.settings) and self.confidence >= CONFIDENT and not self.ask

    @property
    def target(self) -> str:
        """The target, or empty."""
        return str(self.settings.get("target", ""))


def percent(share: float) -> str:
    """A share as text, rounded down: 100 % means all."""
    return f"{int(100 * share + 1e-9)} %"


def propose_column(name: str, held: Contents, region: str) -> ColumnProposal:
    """Propose a target by name and cells; `region` is the country of local numbers."""
    known = hint(name)
    if is_technical(name):
        return ColumnProposal(name, why="a secret or another system's identifier")
    if held.filled == 0:
        return ColumnProposal(name, why=EMPTY)
    if is_consent_column(name, held):
        return ColumnProposal(name, why="about consent")
    named = known.meaning if known else ""
    if named == "email" or held.addresses >= _LIKELY:
        return _identifier(name, "email", known, held.addresses, "addresses")
    if named == "prefix":
        return _identifier(name, "prefix", known, held.prefixes, "calling codes")
    share = held.mobiles.get(region, 0.0)
    if named == "mobile" or (not known and share >= _LIKELY):
        return _identifier(name, "mobile", known, share, "mobile numbers")
    if named == "list":
        return _identifier(name, "list", known, held.whole_numbers, "whole numbers")
    if held.formats and max(held.formats.values()) >= _LIKELY and named not in ("field", "group"):
        return _date(name, known, held)
    if named == "group":
        return _group(name, held)
    return _by_name(name, known)


def _identifier(
    name: str, target: str, known: Hint | None, share: float, what: str
) -> ColumnProposal:
    """An address, number, prefix or list: name and contents must agree."""
    said = f"{percent(share)} of the cells are {what}"
    if known is None or known.meaning != target:
        top, why = _UNNAMED.get(target, _LIKELY) * share, f"{said}, the name does not say so"
    elif known.unambiguous:
        top, why = 0.5 + share / 2, f"its name, and {said}"
    else:
        top, why = 0.4 + share / 2, f"its name may mean that, and {said}"
    ask = "" if top >= CONFIDENT or not share else f"is this the {target}? {said}"
    return ColumnProposal(name, {"target": target}, min(top, MOST), why, ask)


def _group(name: str, held: Contents) -> ColumnProposal:
    """A group column: whether its ids or names are MailUp's is never known from the file."""
    what = "ids" if held.whole_numbers == 1 else "names"
    number = f"{len(held.values)} different {what}" if held.values else f"many different {what}"
    ask = (
        f"are these groups of the MailUp list ({number})? A shop's own are not: leave them out, or "
        "have the groups created"
    )
    if held.sign:
        ask += f". Many cells have a '{held.sign}': several groups?"
    signs = (held.sign,) if held.sign else ()
    return ColumnProposal(name, {"target": "group"}, _LIKELY, "its name", ask, signs=signs)


def _date(name: str, known: Hint | None, held: Contents) -> ColumnProposal:
    best = max(held.formats.values())
    alike = [written for written, share in held.formats.items() if share == best]
    settings = {
        "target": "field",
        "field": known.field if known else name,
        "date_in": alike[0],
        "date_out": "%Y-%m-%d",
    }
    if "%y" in alike[0] and known is not None:
        settings["two_digit_years"] = "past"  # the dates that are known by name are birthdays
    if best < 1:
        settings["unreadable"] = "blank"
    why = f"{percent(best)} of the cells are dates as {alike[0]}"
    if len(alike) > 1:
        ask = f"is a date written {' or '.join(alike)}? Every cell of the sample reads both ways"
        why, ask = f"dates, {percent(best)}", ask if known else ""
        return ColumnProposal(name, settings, 1 / len(alike), why, ask, tuple(alike))
    if known is None:
        return ColumnProposal(name, settings, 0.4, f"{why}; which field gets it is not known")
    second = max((share for share in held.formats.values() if share != best), default=0.0)
    # If only one format reads every cell, no distance to the next one is needed.
    confidence = 0.5 + best / 2 if best == 1 or best - second > _CLEARLY else _LIKELY
    ask = "" if confidence >= CONFIDENT else f"is every date written {alike[0]}? {why}"
    return ColumnProposal(name, settings, min(confidence, MOST), f"its name, and {why}", ask)


def _by_name(name: str, known: Hint | None) -> ColumnProposal:
    """A text column, by its name alone."""
    if known is None:
        return ColumnProposal(name, {"target": "field", "field": name}, 0.2, "text")
    settings = {"target": "field", "field": known.field or name}
    if known.meaning != "field":
        why = f"its name says {known.meaning}, its cells do not"
        return ColumnProposal(name, settings, 0.3, why)
    if known.unambiguous:
        return ColumnProposal(name, settings, _ALONE, "its name")
    return ColumnProposal(
        name, settings, 0.6, f"its name, which is not that of {known.field} alone"
    )


def one_per_target(columns: Sequence[ColumnProposal]) -> list[ColumnProposal]:
    """Of several columns for a target keep the most likely; equally likely keys are asked about.

    Of equally likely columns for a dynamic field the first one is used.
    """
    best: dict[tuple[str, str], float] = {}
    for column in columns:
        best[_place(column)] = max(best.get(_place(column), 0.0), column.confidence)
    likely = Counter(
        _place(column) for column in columns if column.confidence == best[_place(column)]
    )
    seen: set[tuple[str, str]] = set()
    result = []
    for column in columns:
        place = _place(column)
        first = place not in seen
        if not column.target or (likely[place] == 1 and column.confidence == best[place]):
            result.append(column)
        elif column.confidence < best[place] or (place[1] and not first):
            result.append(_outdone(column))
        else:
            alike = f"{likely[place]} columns are equally likely the {place[0]}: which one?"
            result.append(replace(column, ask=column.ask or ("" if place[1] else alike)))
            seen.add(place)
    return result


def essential(columns: Sequence[ColumnProposal]) -> list[ColumnProposal]:
    """Drop the questions about targets that another column has already."""
    used = {column.target for column in columns if column.used and column.target != "field"}
    return [
        _outdone(column) if column.target in used and column.ask else column for column in columns
    ]


def _outdone(column: ColumnProposal) -> ColumnProposal:
    why = f"{column.why}; another column is more likely"
    return replace(column, confidence=min(column.confidence, _LIKELY), why=why, ask="")


def _place(column: ColumnProposal) -> tuple[str, str]:
    return column.target, str(column.settings.get("field", "")).casefold()
