"""Retention: which delivered files may be deleted from the client's folder; never other files."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import PurePath
from typing import TypeVar
from zoneinfo import ZoneInfo

from blocks.errors import ConfigurationError
from tasks.files.remote_paths import Listed
from tasks.reports.output.filenames import DATES, NUMBERS, Naming, Scope, fixed_values, width
from tasks.reports.output.packing import Packing, base_name

_File = TypeVar("_File", bound=Listed)

_MARK = "manual-(?:first|[0-9]{8}T[0-9]{6}Z)-[0-9]{8}T[0-9]{6}Z"
_PARTS = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "(?:0[1-9]|1[0-2])",
    "d": "(?:0[1-9]|[12][0-9]|3[01])",
    "H": "(?:[01][0-9]|2[0-3])",
    "M": "[0-5][0-9]",
    "S": "[0-5][0-9]",
    "z": "[+-][0-9]{4}",
}


def expired(
    files: Iterable[_File],
    scope: Scope,
    naming: Naming,
    packing: Packing,
    *,
    days: int,
    now: datetime,
) -> list[_File]:
    """Files and done-markers of this scope that are older than `days` days; none for 0 days.

    A file belongs to the scope if its name, without endings of packing, matches the template. Its
    age is the smaller one of the server's time and the date in the name; a file without time is
    kept. ConfigurationError for a template that other files could match.
    """
    if days < 1:
        return []
    if mistake := retention_mistake(naming):
        raise ConfigurationError(mistake)
    shapes = [_shape(naming, scope, manual=manual) for manual in (False, True)]
    today = now.astimezone(ZoneInfo(scope.zone)).date()
    found = []
    for file in files:
        match = _match(file.name, shapes, naming, packing)
        if match is not None and _age(match, file.modified_at, today, now) > days:
            found.append(file)
    return found


def retention_mistake(naming: Naming) -> str:
    """Why other files could match the template, as a sentence; empty if they cannot."""
    tokens = dict(naming.pieces(manual=False))
    stem = PurePath(naming.template).stem
    words = re.search("[A-Za-z]{3}", re.sub(r"\{[^{}]*\}", "", stem))
    if words or {"client", "function"} & set(tokens):
        return ""
    return (
        f"Old files cannot be deleted with the template '{naming.template}', because other files "
        "could match it; add {client} or {function}, or set keep_days to 0."
    )


def _shape(naming: Naming, scope: Scope, *, manual: bool) -> re.Pattern[str]:
    """Regex of the names of the windows, or manual windows, of a scope."""
    text = ""
    fixed = fixed_values(scope)
    for token, spec in naming.pieces(manual=manual):
        if token in DATES:
            text += _date_shape(spec or DATES[token], text)
        elif token in NUMBERS:
            digits = width(token, spec)
            text += _MARK if manual else f"(?:[0-9]{{{digits}}}|[1-9][0-9]{{{digits},}})"
        else:
            text += re.escape(fixed.get(token, spec))
    return re.compile(text)


def _date_shape(date_format: str, before: str) -> str:
    """Regex of a date format; the first day, month and year are named groups."""
    shape = ""
    for at, part in enumerate(re.split("%(.)", date_format)):
        if at % 2 == 0:
            shape += re.escape(part)
        elif part in "Yymd" and f"(?P<{part}>" not in before + shape:
            shape += f"(?P<{part}>{_PARTS[part]})"
        else:
            shape += _PARTS[part]
    return shape


def _match(
    name: str, shapes: list[re.Pattern[str]], naming: Naming, packing: Packing
) -> re.Match[str] | None:
    for candidate in (name, _announced(name, naming, packing)):
        for shape in shapes:
            if found := shape.fullmatch(base_name(candidate)):
                return found
    return None


def _announced(marker: str, naming: Naming, packing: Packing) -> str:
    """Name of the file to which a done-marker belongs; empty if it is none."""
    before, place, after = re.split(r"(\{name\}|\{stem\})", packing.done_marker + "{name}")[:3]
    if not packing.done_marker or not (marker.startswith(before) and marker.endswith(after)):
        return ""
    inner = marker[len(before) : len(marker) - len(after)]
    return inner + PurePath(naming.template).suffix if place == "{stem}" else inner


def _age(match: re.Match[str], modified_at: datetime | None, today: date, now: datetime) -> int:
    """Age in days; -1 if the server gives no time, or the name contains an invalid date."""
    # The date in the name is not enough: a window can be delivered long after its end.
    if modified_at is None:
        return -1
    age = (now - modified_at) // timedelta(days=1)
    parts = match.groupdict()
    if not ({"m", "d"} <= parts.keys() and {"Y", "y"} & parts.keys()):
        return age
    try:
        year = int(parts.get("Y") or f"20{parts['y']}")
        written = date(year, int(parts["m"]), int(parts["d"]))
    except ValueError:
        return -1
    return min(age, (today - written).days)
