"""Proposes a target for each column of a sample, with confidence and open questions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.records.onboarding.column_names import Hint, about_consent, hint
from tasks.records.onboarding.contents import Contents

CONFIDENT = 0.8
"""Minimum confidence of a proposal that is used; others become questions."""

_LIKELY = 0.5
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
    be answered before it is used, or empty.
    """

    column: str
    settings: dict[str, Any] = field(default_factory=dict)
    confidence: float = 0.0
    why: str = ""
    ask: str = ""

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
    if about_consent(name) and held.addresses < _LIKELY:
        return _status(name, held)
    if held.filled == 0:
        return replace(_by_name(name, known), confidence=0.3, ask="no cell of the sample is filled")
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
    if not known and held.is_flag:
        return _status(name, held)
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
    ask = "" if top >= CONFIDENT else f"is this the {target}? {said}"
    return ColumnProposal(name, {"target": target}, min(top, MOST), why, ask)


def _status(name: str, held: Contents) -> ColumnProposal:
    """A status column: never guessed, unless its values are words with a clear meaning."""
    counted = ", ".join(f"{times} x '{value}'" for value, times in sorted(held.values.items()))
    if held.has_status_words:
        why = f"its values are words with a clear meaning: {counted}"
        return ColumnProposal(name, {"target": "status"}, 0.95, why)
    if not held.is_flag:
        ask = "is it the subscription status? Its cells are not just yes and no"
        return ColumnProposal(name, {"target": "status"}, 0.4, "its name", ask)
    ask = (
        f"which value means that the person wants messages? The sample has {counted}. Ask the "
        "client: in MailUp's own manual a column called optout has 1 for subscribed"
    )
    return ColumnProposal(name, {"target": "status"}, 0.5, "a yes-or-no column", ask)


def _date(name: str, known: Hint | None, held: Contents) -> ColumnProposal:
    best = max(held.formats.values())
    alike = [written for written, share in held.formats.items() if share == best]
    settings = {
        "target": "field",
        "field": known.field if known else name,
        "date_in": alike[0],
        "date_out": "%Y-%m-%d",
    }
    why = f"{percent(best)} of the cells are dates as {alike[0]}"
    if len(alike) > 1:
        ask = f"is a date written {' or '.join(alike)}? Every cell of the sample reads both ways"
        return ColumnProposal(name, settings, 1 / len(alike), f"dates, {percent(best)}", ask)
    if known is None:
        ask = f"which dynamic field gets this date ({alike[0]})?"
        return ColumnProposal(name, settings, 0.4, why, ask)
    second = max((share for share in held.formats.values() if share != best), default=0.0)
    # If only one format reads every cell, no distance to the next one is needed.
    confidence = 0.5 + best / 2 if best == 1 or best - second > _CLEARLY else _LIKELY
    ask = "" if confidence >= CONFIDENT else f"is every date written {alike[0]}? {why}"
    return ColumnProposal(name, settings, min(confidence, MOST), f"its name, and {why}", ask)


def _by_name(name: str, known: Hint | None) -> ColumnProposal:
    """A text column, by its name alone."""
    if known is None:
        settings = {"target": "field", "field": name}
        return ColumnProposal(name, settings, 0.2, "text", "which dynamic field, if any?")
    if known.meaning == "group":
        return ColumnProposal(name, {"target": "group"}, 0.85, "its name")
    settings = {"target": "field", "field": known.field or name}
    if known.meaning != "field":
        return ColumnProposal(
            name, settings, 0.3, "its name", f"its name says {known.meaning}, its cells do not"
        )
    if known.unambiguous:
        return ColumnProposal(name, settings, _ALONE, "its name")
    return ColumnProposal(name, settings, 0.6, "its name", f"is this {known.field} alone?")


def one_per_target(columns: Sequence[ColumnProposal]) -> list[ColumnProposal]:
    """Of several columns for a target or dynamic field, keep the most likely, else ask."""
    best: dict[tuple[str, str], float] = {}
    for column in columns:
        best[_place(column)] = max(best.get(_place(column), 0.0), column.confidence)
    likely = Counter(
        _place(column) for column in columns if column.confidence == best[_place(column)]
    )
    result = []
    for column in columns:
        place, ask = _place(column), column.ask
        if not ask and column.confidence < best[place]:
            ask = f"another column is more likely the {place[1] or place[0]}"
        elif not ask and likely[place] > 1:
            ask = (
                f"{likely[place]} columns are equally likely the {place[1] or place[0]}: which one?"
            )
        result.append(replace(column, ask=ask))
    return result


def _place(column: ColumnProposal) -> tuple[str, str]:
    return column.target, str(column.settings.get("field", "")).casefold()
