"""Names of exported files, from a template with tokens; a window always has the same name.

| token | stands for |
| --- | --- |
| `{client}`, `{function}` | short name of the client, kind of the export |
| `{list}` | ids of the lists, ascending: 3-7-12; for many, their number and a short hash |
| `{date}`, `{time}` | end of the window in the client's zone, `{date:%Y%m%d}` and `{time:%H%M%S}` |
| `{window}` | number of the window in the ledger; `{window:6}` pads with zeros |
| `{sequence}` | number of the file, windows without a file not counted; six digits |

A manual window has no number: its name contains its start and end (UTC) instead, and never equals
that of another window. Dates in a name are local, so only a number, or the time with its offset,
`{time:%H%M%S%z}`, distinguishes the windows of the night in which clocks go back.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from blocks.errors import ConfigurationError
from blocks.transport import names
from tasks.agreements.base import Settings
from tasks.reports.output.formats import date_mistake

DATES = {"date": "%Y%m%d", "time": "%H%M%S"}
NUMBERS = {"window": 1, "sequence": 6}
TOKENS = ("client", "function", "list", *DATES, *NUMBERS)

ROOM_FOR_ENDINGS = 40
"""Bytes of a name reserved for .gz, .zip, .gpg and the ending of a done-marker."""

_TOKEN = re.compile(r"\{([^{}:]*):?([^{}]*)\}")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029/\\:*?"<>|]')
_DIRECTIVE = re.compile("%(.)")
_WIDTH = re.compile("0?[1-9]")
_FULL_TIME = set("mdHMSz")
_MANY_LISTS = 40  # characters


@dataclass(frozen=True)
class Scope:
    """The scope of file names: client, kind of export, ids of the lists, zone of the dates."""

    client: str
    function: str
    lists: tuple[int, ...]
    zone: str


class Naming(Settings):
    """Names of the files of an export."""

    template: str = Field(
        default="{client}_{function}_{list}_{date}_{window}.csv",
        min_length=1,
        max_length=200,
        description=(
            "Name of the files, with {client}, {function}, {list}, {date:%Y%m%d}, {time:%H%M%S}, "
            "{window} and {sequence}; date and time are those of the end of the window."
        ),
    )
    overwrite: bool = Field(
        default=False,
        description=(
            "Allow a template that can give two windows the same name: the later file then "
            "replaces the earlier one, even if the client has not fetched it."
        ),
    )

    @model_validator(mode="after")
    def _usable(self) -> "Naming":
        for mistake in _mistakes(self.template, overwrite=self.overwrite):
            raise ValueError(f"template '{self.template}' {mistake}.")
        return self

    def name_for(
        self,
        scope: Scope,
        number: int | None,
        end: datetime,
        *,
        start: datetime | None = None,
        sequence: int | None = None,
    ) -> str:
        """The file's name, without endings of packing, for a window that ends at `end` (aware).

        `number`: None for a manual window from `start` (None: from the beginning) to `end`.
        `sequence`: number of the file if it differs from that of the window. ConfigurationError for
        a name that servers cannot store.
        """
        local = end.astimezone(ZoneInfo(scope.zone))
        fixed = fixed_values(scope)
        counts = {"window": number, "sequence": number if sequence is None else sequence}
        name = ""
        for token, spec in self.pieces(manual=number is None):
            if token in DATES:
                name += local.strftime(spec or DATES[token])
            elif token in NUMBERS and number is None:
                name += _manual_mark(start, end)
            elif token in NUMBERS:
                name += f"{counts[token]:0{width(token, spec)}}"
            else:
                name += fixed.get(token, spec)
        return _checked(name)

    def pieces(self, *, manual: bool) -> list[tuple[str, str]]:
        """The template as pairs of token and format; a literal has the token "" and its text.

        For a manual window, a template without number gets a place for its mark.
        """
        if manual and not any(token in NUMBERS for token, _ in _pieces(self.template)):
            stem, dot, ending = self.template.rpartition(".")
            if dot and "}" not in ending:
                return _pieces(f"{stem}-{{window}}.{ending}")
            return _pieces(self.template + "-{window}")
        return _pieces(self.template)


def fixed_values(scope: Scope) -> dict[str, str]:
    """Values of the tokens that are the same in all names of a scope."""
    lists = "-".join(map(str, sorted(scope.lists)))
    if len(lists) > _MANY_LISTS:
        lists = f"{len(scope.lists)}-lists-{hashlib.sha256(lists.encode()).hexdigest()[:8]}"
    return {"client": scope.client, "function": scope.function, "list": lists}


def width(token: str, spec: str) -> int:
    """Number of digits to which a number is padded with zeros."""
    return int(spec) if spec else NUMBERS[token]


def name_mistake(text: str) -> str:
    """Why a text cannot be part of a file name, as the second half of a sentence."""
    if _UNSAFE.search(text):
        return 'contains a character that not every server can store in a name: / \\ : * ? " < > |'
    return ""


def _pieces(template: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    for match in _TOKEN.finditer(template):
        found += [("", template[at : match.start()]), (match[1] or "?", match[2])]
        at = match.end()
    return [piece for piece in (*found, ("", template[at:])) if piece != ("", "")]


def _mistakes(template: str, *, overwrite: bool) -> Iterator[str]:
    """What is wrong with a template, as second halves of sentences."""
    pieces = _pieces(template)
    for token, spec in pieces:
        if mistake := _piece_mistake(token, spec):
            yield mistake
    if template.startswith(".") or template != template.strip() or template.endswith("."):
        yield "starts or ends with a blank or a dot, which would hide the file or be removed"
    if not overwrite and not _is_unique(pieces):
        yield (
            "can give two windows the same name, so that one file replaces the other; add {window} "
            "or {sequence}, or set overwrite to true"
        )


def _piece_mistake(token: str, spec: str) -> str:
    if token and token not in TOKENS:
        known = ", ".join(f"{{{name}}}" for name in TOKENS)
        return f"contains the unknown token {{{token.strip('?')}}}; accepted are {known}"
    if not token and re.search("[{}]", spec):
        return "contains an unmatched brace"
    if token in DATES and spec and (mistake := date_mistake(spec, whole_date=False)):
        return f"has a format in {{{token}}} that {mistake}"
    if token in NUMBERS and spec and not _WIDTH.fullmatch(spec):
        return f"has a width in {{{token}}} that is not 1 to 9"
    if token in fixed_values(Scope("", "", (), "UTC")) and spec:
        return f"has a format in {{{token}}}, which accepts none"
    return name_mistake(spec)


def _is_unique(pieces: list[tuple[str, str]]) -> bool:
    formats = "".join(spec or DATES[token] for token, spec in pieces if token in DATES)
    parts = set(_DIRECTIVE.findall(formats))
    moment = parts >= _FULL_TIME and bool(parts & {"Y", "y"})
    return moment or any(token in NUMBERS for token, _ in pieces)


def _manual_mark(start: datetime | None, end: datetime) -> str:
    first = f"{start.astimezone(UTC):%Y%m%dT%H%M%SZ}" if start else "first"
    return f"manual-{first}-{end.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _checked(name: str) -> str:
    if name_mistake(name) or len(name.encode()) > names.MAX_NAME_BYTES - ROOM_FOR_ENDINGS:
        raise ConfigurationError(
            f"The template of file names gives {name!r}, which servers may not accept; it must be "
            f"shorter than {names.MAX_NAME_BYTES - ROOM_FOR_ENDINGS} bytes, without / and \\."
        )
    return names.check_new_name(name)
