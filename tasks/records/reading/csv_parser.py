"""The exact CSV parser: splits one record into cells, as RFC 4180 says."""

import re
from dataclasses import dataclass, field

BREAK = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Record:
    """Cells of one record, its fault (empty: none) and the offset of the next record."""

    cells: list[bytes]
    fault: str
    end: int


@dataclass(frozen=True)
class Splitter:
    """Splits records at `separator`, respecting `quote` (one byte each; empty quote: no quoting).

    A quoted cell starts and ends with the quote, may contain separators and line breaks, and
    doubles its quotes. In an unquoted cell, quotes are text if they come in pairs, as in
    `Mario "Il Rosso" Verdi`, or if the quote is the apostrophe; otherwise they are a fault.
    With `blanks`, blanks between a separator and a quote are not part of the cell.
    """

    separator: bytes
    quote: bytes
    blanks: bool = False
    _unquoted: re.Pattern[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        pattern = re.compile(rb"[^" + re.escape(self.separator) + rb"\r\n]*")
        object.__setattr__(self, "_unquoted", pattern)

    def record(self, data: bytes, start: int, stop: int) -> Record:
        """Read the record that starts at `start`; read no further than `stop`.

        Faults: "open_quote", "text_after_quote", "stray_quote". After the first two the cells
        read so far are returned and `end` is where reading stopped.
        """
        cells: list[bytes] = []
        fault = ""
        position = start
        while True:
            cell, position, problem = self._cell(data, position, stop)
            cells.append(cell)
            fault = fault or problem
            if problem in ("open_quote", "text_after_quote"):
                return Record(cells, fault, position)
            if data[position : position + 1] != self.separator or position >= stop:
                return Record(cells, fault, self._after_break(data, position, stop))
            position += 1

    def _cell(self, data: bytes, position: int, stop: int) -> tuple[bytes, int, str]:
        """Return one cell, the position after it, and its fault."""
        start = self._after_blanks(data, position, stop) if self.blanks else position
        if self.quote and start < stop and data[start : start + 1] == self.quote:
            return self._quoted(data, start + 1, stop)
        match = self._unquoted.match(data, position, stop)
        cell = match.group() if match else b""
        return cell, position + len(cell), self._unquoted_fault(cell)

    def _unquoted_fault(self, cell: bytes) -> str:
        if not self.quote or self.quote not in cell:
            return ""
        if cell.lstrip(b" \t").startswith(self.quote):
            return "text_after_quote"
        return "stray_quote" if self.quote == b'"' and cell.count(self.quote) % 2 else ""

    def _quoted(self, data: bytes, inside: int, stop: int) -> tuple[bytes, int, str]:
        """Read a quoted cell whose text starts at `inside`."""
        position = inside
        while True:
            position = data.find(self.quote, position, stop)
            if position < 0:
                return data[inside:stop], stop, "open_quote"
            if data[position + 1 : position + 2] != self.quote or position + 1 >= stop:
                break
            position += 2
        cell = data[inside:position].replace(self.quote * 2, self.quote)
        position += 1
        if self.blanks:
            position = self._after_blanks(data, position, stop)
        ended = position >= stop or data[position : position + 1] in (self.separator, b"\r", b"\n")
        return cell, position, "" if ended else "text_after_quote"

    def _after_blanks(self, data: bytes, position: int, stop: int) -> int:
        """The position after blanks; a tab that separates cells is not a blank."""
        while position < stop and data[position : position + 1] in (b" ", b"\t"):
            if data[position : position + 1] == self.separator:
                break
            position += 1
        return position

    @staticmethod
    def _after_break(data: bytes, position: int, stop: int) -> int:
        found = BREAK.match(data, position, stop)
        return found.end() if found else position
