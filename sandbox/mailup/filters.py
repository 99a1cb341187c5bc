"""Translate `filterby` and `orderby`, a subset of a LINQ-like language, to SQL.

Supported: `==`, `!=`, `<`, `<=`, `>`, `>=`, `.Contains('x')` (case-sensitive), `&&`/`and`,
`||`/`or`, parentheses, with or without double quotes around the expression. Undocumented, but sent
by clients: `=`, `&`, `.Equals('x')`, `.StartsWith`, `.EndsWith`, `.Trim()`, `[...]` around the
expression.
Chosen: text has no `<` or `>` (as in Dynamic LINQ), so dates, which are text, cannot be compared;
`''` inside a literal is an apostrophe; `==` on Email ignores letter case.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from sandbox.mailup.wire import ApiError

TOKENS = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*') | (?P<number>-?\d+) |
        (?P<op>==|!=|<=|>=|<|>|=|&&|&|\|\||\(|\)|\[|\]) |
        (?P<call>\.(?:Contains|StartsWith|EndsWith|Equals|Trim)\b) | (?P<word>[A-Za-z_]\w*)
    )""",
    re.VERBOSE,
)
# Used by clients, but not documented.
UNDOCUMENTED = ("=", "&", ".Equals", ".StartsWith", ".EndsWith", ".Trim")
JOINERS = {"&&": "AND", "&": "AND", "and": "AND", "||": "OR", "or": "OR"}
COMPARISONS = {"==": "=", "=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
CALLS = {
    ".Contains": "instr({column}, ?) > 0",
    ".Equals": "",
    ".StartsWith": "substr({column}, 1, length(?1)) = ?1",
    ".EndsWith": "substr({column}, -length(?1)) = ?1",
}


@dataclass(frozen=True)
class Column:
    """One property: its SQL, its kind, and whether comparisons ignore letter case."""

    sql: str
    kind: Literal["text", "number", "flag"] = "text"
    ignores_case: bool = False


Columns = dict[str, Column]


@dataclass(frozen=True)
class Condition:
    """An SQL condition with its parameters."""

    sql: str = "1"
    parameters: tuple[str | int, ...] = ()


def unquoted(value: str) -> str:
    """The value without one pair of outer double quotes."""
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


class UnknownProperty(ApiError):
    """The error for a property that the items do not have."""

    def __init__(self, name: str, status: int = 400) -> None:
        super().__init__(status, f"No property or field '{name}' exists in the type of the items")
        self.property = name


def parse_filter(expression: str, columns: Columns, *, documented: bool = False) -> Condition:
    """The condition of a `filterby` value; ApiError 400 if it is not supported.

    With `documented`, only documented forms are supported.
    """
    text = unquoted(expression).strip()
    if not documented and text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    if not text:
        return Condition()
    tokens = _tokens(text)
    if documented and (strange := [token for token in tokens if token in UNDOCUMENTED]):
        raise ApiError(400, f"Syntax error in filterby near '{strange[0]}'")
    parser = _Parser(tokens, columns)
    condition = parser.alternatives()
    if parser.peek() is not None:
        raise ApiError(400, f"Syntax error in filterby near '{parser.peek()}'")
    return condition


def parse_order(expression: str, columns: Columns) -> list[str]:
    """The ORDER BY terms of an `orderby` value: `Field asc|desc`, several joined by `;`."""
    parts = []
    for piece in filter(None, (p.strip() for p in re.split("[;,]", unquoted(expression)))):
        name, _, direction = piece.partition(" ")
        if name not in columns:
            raise UnknownProperty(name)
        if direction.strip().lower() not in ("", "asc", "ascending", "desc", "descending"):
            raise ApiError(400, f"Syntax error in orderby near '{direction.strip()}'")
        falling = direction.strip().lower().startswith("desc")
        parts.append(f"{columns[name].sql} {'DESC' if falling else 'ASC'}")
    return parts


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    position = 0
    while text[position:].strip():
        match = TOKENS.match(text, position)
        if match is None:
            raise ApiError(400, f"Syntax error in filterby at position {position}")
        found.append(match.group(0).strip())
        position = match.end()
    return found


_Part = Callable[[], Condition]


class _Parser:
    def __init__(self, tokens: list[str], columns: Columns) -> None:
        self._tokens = tokens
        self._columns = columns
        self._at = 0

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        token = self.peek()
        if token is None:
            raise ApiError(400, "Syntax error in filterby: expression expected at the end")
        self._at += 1
        return token

    def alternatives(self) -> Condition:
        return self._joined("OR", lambda: self._joined("AND", self._single))

    def _joined(self, word: str, part: _Part) -> Condition:
        found = [part()]
        while (token := self.peek()) is not None and JOINERS.get(token.lower()) == word:
            self._next()
            found.append(part())
        sql = f" {word} ".join(f"({one.sql})" for one in found)
        return Condition(sql, tuple(value for one in found for value in one.parameters))

    def _single(self) -> Condition:
        token = self._next()
        if token == "(":
            inside = self.alternatives()
            self._expect(")")
            return inside
        column = self._column(token)
        operator = self._next()
        if operator == ".Trim":
            self._expect("(")
            self._expect(")")
            column, operator = replace(column, sql=f"trim({column.sql})"), self._next()
        if operator in CALLS:
            return self._call(column, operator)
        if operator not in COMPARISONS:
            raise ApiError(400, f"Syntax error in filterby near '{operator}'")
        return _compare(column, operator, self._literal())

    def _column(self, name: str) -> Column:
        if name == "Fields" and self.peek() == "[":
            self._next()
            name = f"Fields['{self._literal()}']"
            self._expect("]")
        if name not in self._columns:
            raise UnknownProperty(name)
        return self._columns[name]

    def _call(self, column: Column, call: str) -> Condition:
        self._expect("(")
        value = self._literal()
        self._expect(")")
        if call == ".Equals":
            return _compare(column, "==", value)
        if column.kind != "text" or not isinstance(value, str):
            raise ApiError(400, f"No applicable method '{call[1:]}' exists in type 'Int32'")
        sql = CALLS[call].format(column=column.sql)
        return Condition(sql.replace("?1", "?"), (value,) * sql.count("?"))

    def _literal(self) -> str | int:
        token = self._next()
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.lower() in ("true", "false"):
            return int(token.lower() == "true")
        if not re.fullmatch(r"-?\d+", token):
            raise UnknownProperty(token)
        return int(token)

    def _expect(self, wanted: str) -> None:
        if (token := self._next()) != wanted:
            raise ApiError(400, f"Syntax error in filterby near '{token}': '{wanted}' expected")


def _compare(column: Column, operator: str, value: str | int) -> Condition:
    ordering = operator not in ("==", "=", "!=")
    if isinstance(value, str) != (column.kind == "text") or (ordering and column.kind == "text"):
        kinds = (
            "String" if column.kind == "text" else "Int32",
            "String" if isinstance(value, str) else "Int32",
        )
        raise ApiError(
            400,
            f"Operator '{operator}' incompatible with operand types '{kinds[0]}' and '{kinds[1]}'",
        )
    return Condition(f"{column.sql} {COMPARISONS[operator]} ?", (value,))
